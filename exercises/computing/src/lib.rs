//! Computing: nothing interrupts work, so it asks. Chapter: `docs/src/computing.md`.

/// Makes the negative of a picture in place, a row of `width` pixels after the other, as long as `go_on` says so; whether
/// it is whole.
pub fn negative(pixels: &mut [u8], width: usize, mut go_on: impl FnMut() -> bool) -> bool {
    // Hint: ask before each row, so that what nobody waits for is not begun either.
    todo!()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_ends_between_two_rows_when_it_is_told_to() {
        let mut picture = [0, 1, 2, 3, 4, 5];
        assert!(negative(&mut picture, 2, || true));
        assert_eq!(picture, [255, 254, 253, 252, 251, 250]);

        let mut rows = 0;
        let mut until_the_deadline = || {
            rows += 1;
            rows <= 2
        };
        assert!(!negative(&mut picture, 2, &mut until_the_deadline), "the deadline came first");
        assert_eq!(picture, [0, 1, 2, 3, 251, 250]);
        assert_eq!(rows, 3, "asked once a row, and not again after a no");

        assert!(!negative(&mut picture, 2, || false), "its client had left before it began");
        assert_eq!(picture, [0, 1, 2, 3, 251, 250]);
    }
}
