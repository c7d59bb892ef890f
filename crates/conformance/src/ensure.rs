//! `ensure!`: a condition of a check, and the sentence that is said when it does not hold.

/// Leaves the check with a message unless the condition holds.
macro_rules! ensure {
    ($holds:expr, $($otherwise:tt)+) => {
        // Bound first: `!(a < b)` would be read as a mistake about NaN.
        let holds: bool = $holds;
        if !holds {
            return Err(format!($($otherwise)+));
        }
    };
}
