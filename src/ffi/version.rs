//! The version of the library that is running.

use std::ffi::{CStr, c_char};

/// The version of the running library as text, such as "0.1.0".
///
/// It is WSKT_VERSION_STRING of the header the library was built with. The
/// text is static; never free it.
///
/// Any thread; legal in a callback.
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn wskt_version_string() -> *const c_char {
    VERSION.as_ptr()
}

/// The version of the running library as one number: major, minor and patch
/// level, eight bits each, so that 0.1.0 is 0x000100.
///
/// Compare it with WSKT_VERSION_NUMBER to learn whether the running library
/// is the one that was compiled against.
///
/// Any thread; legal in a callback.
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn wskt_version_number() -> u32 {
    NUMBER
}

const VERSION: &CStr =
    match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(version) => version,
        Err(_) => c"",
    };

const NUMBER: u32 = part(env!("CARGO_PKG_VERSION_MAJOR")) << 16
    | part(env!("CARGO_PKG_VERSION_MINOR")) << 8
    | part(env!("CARGO_PKG_VERSION_PATCH"));

const fn part(digits: &str) -> u32 {
    match u32::from_str_radix(digits, 10) {
        Ok(part) => part,
        Err(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_and_text_agree() {
        let text = format!("{}.{}.{}", NUMBER >> 16, NUMBER >> 8 & 0xff, NUMBER & 0xff);
        assert_eq!(VERSION.to_bytes(), text.as_bytes());
    }
}
