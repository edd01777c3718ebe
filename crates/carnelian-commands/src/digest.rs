//! The digest of a dataset, equal to that of any other Redis with the same keys and values (DEBUG DIGEST).
//!
//! Where order means something the digest is fed back into itself; where it does not, digests are combined with XOR.

use carnelian_engine::{Element, Keyspace, Lookup, ValueRef, ValueType};
use sha1_smol::Sha1;

/// A digest.
pub type Digest = [u8; 20];

fn sha1(data: &[u8]) -> Digest {
    let mut hash = Sha1::new();
    hash.update(data);
    hash.digest().bytes()
}

fn xor(digest: &mut Digest, data: &[u8]) {
    for (byte, other) in digest.iter_mut().zip(sha1(data)) {
        *byte ^= other;
    }
}

fn mix(digest: &mut Digest, data: &[u8]) {
    xor(digest, data);
    *digest = sha1(digest);
}

fn mix_element(digest: &mut Digest, element: Element<'_>) {
    element.with_bytes(|bytes| mix(digest, bytes));
}

/// The numbers by which Redis knows types.
fn type_number(value_type: ValueType) -> u32 {
    match value_type {
        ValueType::String => 0,
        ValueType::List => 1,
        ValueType::Set => 2,
        ValueType::Hash => 4,
    }
}

fn mix_value(digest: &mut Digest, value: ValueRef<'_>, expires: bool) {
    mix(digest, &type_number(value.value_type()).to_be_bytes());
    match value {
        ValueRef::String(string) => mix_element(digest, string.get()),
        ValueRef::List(list) => list.for_each(|element| mix_element(digest, element)),
        ValueRef::Set(set) => set.iter().for_each(|member| member.with_bytes(|bytes| xor(digest, bytes))),
        ValueRef::Hash(hash) => {
            for (field, value) in hash {
                let mut pair = Digest::default();
                mix_element(&mut pair, field);
                mix_element(&mut pair, value);
                xor(digest, &pair);
            }
        }
    }
    if expires {
        xor(digest, b"!!expire!!");
    }
}

/// The digest of every key in every database; all shards must be locked. O(size of the dataset).
pub fn dataset(keys: &mut Keyspace<'_>) -> Digest {
    let selected = keys.db();
    let mut total = Digest::default();
    for db in 0..keys.engine().databases() {
        keys.select(db);
        if keys.is_empty() {
            continue;
        }
        mix(&mut total, &(db as u32).to_be_bytes());
        keys.for_each(|key, value, expiry| {
            let mut digest = Digest::default();
            mix(&mut digest, key);
            mix_value(&mut digest, value, expiry.is_some());
            xor(&mut total, &digest);
        });
    }
    keys.select(selected);
    total
}

/// The digest of one key's value; zeros when it does not exist.
pub fn value(keys: &mut Keyspace<'_>, key: &[u8]) -> Digest {
    let expires = keys.expiry(key).is_some();
    let mut digest = Digest::default();
    if let Some(value) = keys.read_with(key, Lookup::Silent) {
        mix_value(&mut digest, value, expires);
    }
    digest
}

/// The digest as hexadecimal digits.
pub fn hex(digest: &Digest) -> String {
    use std::fmt::Write;
    digest.iter().fold(String::with_capacity(40), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
