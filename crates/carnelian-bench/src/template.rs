//! The bytes that one client sends: encoded once, then only digits change.

use crate::rng::SplitMix64;

/// What stands for a random number in a command.
pub(crate) const RANDOM: &[u8] = b"__rand_int__";
/// The most bytes that one client's buffer (command x pipeline) may hold.
pub(crate) const BUFFER_BYTES_MAX: usize = 2 * 1024 * 1024 * 1024;

/// A command, encoded `pipeline` times, with the places where random numbers go.
///
/// A number takes the place of `__rand_int__` byte for byte (12 digits, zero padded), so the lengths of the
/// arguments never change and nothing is encoded again while the load runs.
#[derive(Debug, Clone)]
pub struct Template {
    bytes: Vec<u8>,
    /// Offsets of `__rand_int__`, ascending, not overlapping.
    slots: Vec<usize>,
}

impl Template {
    /// `command` repeated `pipeline` times; with `random`, every `__rand_int__` in it is a slot. None if that
    /// would be more than 2 GiB, or nothing.
    pub fn new(command: &[u8], pipeline: u32, random: bool) -> Option<Self> {
        let len = command.len().checked_mul(pipeline as usize)?;
        if len == 0 || len > BUFFER_BYTES_MAX {
            return None;
        }
        let bytes = command.repeat(pipeline as usize);
        // A placeholder cannot begin in one repetition and end in the next: every command ends in CR LF.
        let slots = if random { memchr::memmem::find_iter(&bytes, RANDOM).collect() } else { Vec::new() };
        Some(Self { bytes, slots })
    }

    /// The bytes as they are to be sent.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many bytes there are.
    #[allow(clippy::len_without_is_empty)] // It is never empty.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Writes a fresh number below `limit` (0 to `limit - 1`) into each slot.
    pub(crate) fn randomize(&mut self, rng: &mut SplitMix64, limit: u64) {
        for &slot in &self.slots {
            put_digits(&mut self.bytes[slot..slot + RANDOM.len()], rng.below(limit));
        }
    }
}

/// `number` in decimal over all of `field`, zero padded; digits that do not fit are lost at the front.
fn put_digits(field: &mut [u8], mut number: u64) {
    for digit in field.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

/// `arguments` as a command.
pub(crate) fn encode<A: AsRef<[u8]>>(arguments: &[A]) -> Vec<u8> {
    let mut bytes = Vec::new();
    carnelian_resp::encode_command(&mut bytes, arguments);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn filled(command: &[u8], pipeline: u32, limit: u64) -> Vec<u8> {
        let mut template = Template::new(command, pipeline, true).unwrap();
        template.randomize(&mut SplitMix64::new(9), limit);
        template.bytes().to_vec()
    }

    #[test]
    fn numbers_are_twelve_digits_wide() {
        assert_eq!(filled(b"GET key:__rand_int__\r\n", 1, 1), b"GET key:000000000000\r\n");
        let mut field = *b"__rand_int__";
        put_digits(&mut field, 987_654_321_012);
        assert_eq!(&field, b"987654321012");
        put_digits(&mut field, 7);
        assert_eq!(&field, b"000000000007");
    }

    #[test]
    fn each_repetition_gets_numbers_of_its_own() {
        let bytes = filled(b"A__rand_int__\r\n", 2, 1_000_000);
        assert_eq!(bytes.len(), 30);
        assert_ne!(bytes[..15], bytes[15..]);
    }

    #[test]
    fn without_random_keys_the_placeholder_is_sent_as_it_is() {
        let mut template = Template::new(b"GET __rand_int__\r\n", 1, false).unwrap();
        template.randomize(&mut SplitMix64::new(9), 5);
        assert_eq!(template.bytes(), b"GET __rand_int__\r\n");
    }

    #[test]
    fn what_is_too_big_is_refused_before_it_is_reserved() {
        assert!(Template::new(&[0; 1024], u32::MAX, false).is_none());
        assert!(Template::new(b"", 1, false).is_none());
    }

    proptest! {
        /// Whatever surrounds the placeholders stays, the placeholders become numbers in range, and the numbers
        /// keep changing within the same places.
        #[test]
        fn only_placeholders_change(
            texts in prop::collection::vec("[a-z0-9 ]{0,9}", 1..6),
            pipeline in 1_u32..5,
            limit in 1_u64..2_000_000,
        ) {
            let command = format!("{}\r\n", texts.join("__rand_int__")).into_bytes();
            let mut template = Template::new(&command, pipeline, true).unwrap();
            let mut rng = SplitMix64::new(limit);
            for _ in 0..3 {
                template.randomize(&mut rng, limit);
                prop_assert_eq!(template.len(), command.len() * pipeline as usize);
                for sent in template.bytes().chunks(command.len()) {
                    let mut at = 0;
                    for (index, text) in texts.iter().enumerate() {
                        if index > 0 {
                            let number = std::str::from_utf8(&sent[at..at + 12]).unwrap().parse::<u64>();
                            prop_assert!(number.is_ok_and(|number| number < limit));
                            at += 12;
                        }
                        prop_assert_eq!(&sent[at..at + text.len()], text.as_bytes());
                        at += text.len();
                    }
                }
            }
        }
    }
}
