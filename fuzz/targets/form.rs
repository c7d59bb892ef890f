//! See `form` in the library: what must hold of any bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| waitlab_fuzz::form(bytes));
