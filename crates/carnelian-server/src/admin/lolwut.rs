//! LOLWUT: a carnelian, cut and banded, different each time.

use carnelian_commands::{CommandResult, Ctx, integer};

/// Half the width and half the height of the stone, in characters.
const HALF_WIDTH: i64 = 24;
const HALF_HEIGHT: i64 = 8;
/// What the bands are drawn with, one after the other.
const BANDS: [char; 6] = [' ', '.', ':', '+', '#', '+'];

/// Draws the stone. `seed` decides where the layers have their centre and how wide they are.
fn draw(seed: u64) -> String {
    let (x0, y0) = ((seed % 17) as i64 - 8, (seed / 17 % 9) as i64 - 4);
    let width = 6 + (seed / 153 % 9) as i64;
    let mut picture = String::new();
    for y in -HALF_HEIGHT..=HALF_HEIGHT {
        let mut line = String::new();
        for x in -HALF_WIDTH..=HALF_WIDTH {
            // Inside an ellipse; a character is about three times as high as the ellipse's unit is wide.
            let inside = x * x * HALF_HEIGHT * HALF_HEIGHT + y * y * HALF_WIDTH * HALF_WIDTH
                <= HALF_WIDTH * HALF_WIDTH * HALF_HEIGHT * HALF_HEIGHT;
            if inside {
                let (dx, dy) = (x - x0, (y - y0) * 3);
                let band = (dx * dx + dy * dy).isqrt() * 2 / width;
                line.push(BANDS[band as usize % BANDS.len()]);
            } else {
                line.push(' ');
            }
        }
        picture.push_str(line.trim_end());
        picture.push('\n');
    }
    picture
}

pub(super) fn lolwut(ctx: &mut Ctx) -> CommandResult {
    if ctx.args.len() > 2 && ctx.arg(1).eq_ignore_ascii_case(b"version") {
        // There is one picture; the number is checked so that a mistake is noticed.
        integer(ctx.arg(2))?;
    }
    let seed = ctx.keys.now_ms().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    let text = format!(
        "{}\nCarnelian: a stone that iron has coloured, layer by layer.\n\nRedis ver. {}\n",
        draw(seed),
        crate::REDIS_VERSION
    );
    ctx.out.verbatim("txt", text.as_bytes());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{HALF_HEIGHT, HALF_WIDTH, draw};

    #[test]
    fn every_stone_fits_its_frame() {
        for seed in 0..2000 {
            let picture = draw(seed);
            assert_eq!(picture.lines().count() as i64, 2 * HALF_HEIGHT + 1);
            assert!(picture.lines().all(|line| line.chars().count() as i64 <= 2 * HALF_WIDTH + 1));
        }
    }
}
