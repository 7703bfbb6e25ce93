//! The forms arguments of commands take.

use std::time::Duration;

use crate::text;

/// Payloads larger than this are refused.
const LARGEST: usize = 256 << 20;

/// A value, or what is wrong with its text.
pub(crate) type Parsed<T> = Result<T, String>;

/// A number of any kind.
pub(crate) fn number<T: std::str::FromStr>(word: &str) -> Parsed<T> {
    word.parse().map_err(|_| format!("{word:?} is not a number in range"))
}

/// A size of something to make.
pub(crate) fn sized(word: &str) -> Parsed<usize> {
    let size = number(word)?;
    if size > LARGEST { Err(format!("{size} is over the limit of {LARGEST}")) } else { Ok(size) }
}

fn made(word: &str, pattern: fn(usize) -> Vec<u8>) -> Option<Parsed<Vec<u8>>> {
    if let Some(size) = word.strip_prefix("pat:") {
        return Some(sized(size).map(pattern));
    }
    if let Some(rest) = word.strip_prefix("fill:") {
        let (byte, size) = rest.split_once(':')?;
        let byte = *text::unhex(byte)?.first()?;
        return Some(sized(size).map(|n| vec![byte; n]));
    }
    word.strip_prefix("hex:").map(|h| text::unhex(h).ok_or_else(|| format!("{h:?} is not hex")))
}

/// A STR argument.
pub(crate) fn string(word: &str) -> Parsed<Vec<u8>> {
    made(word, text::text_pattern).unwrap_or_else(|| Ok(text::percent_decode(word.as_bytes())))
}

/// A HEX argument.
pub(crate) fn binary(word: &str) -> Parsed<Vec<u8>> {
    if let Some(rest) = word.strip_prefix("text:") {
        return string(rest);
    }
    made(word, text::binary_pattern)
        .unwrap_or_else(|| text::unhex(word).ok_or_else(|| format!("{word:?} is not hex")))
}

/// The words left, as one STR.
pub(crate) fn rest(words: &[String]) -> Parsed<Vec<u8>> {
    string(&words.join(" "))
}

/// A name of a mark or a signal.
pub(crate) fn name(word: &str) -> String {
    String::from_utf8_lossy(&text::percent_decode(word.as_bytes())).into_owned()
}

/// `us=MICROSECONDS`.
pub(crate) fn micros(word: &str) -> Parsed<Duration> {
    let word = word.strip_prefix("us=").ok_or("expected us=MICROSECONDS")?;
    Ok(Duration::from_micros(number(word)?))
}

/// Milliseconds.
pub(crate) fn millis(word: &str) -> Parsed<Duration> {
    let ms = number::<u64>(word)?;
    if ms > 600_000 { Err("over ten minutes".into()) } else { Ok(Duration::from_millis(ms)) }
}

/// The body of a Close: nothing, or a code and a reason.
pub(crate) fn close_body(words: &[String]) -> Parsed<Vec<u8>> {
    let Some((code, reason)) = words.split_first() else {
        return Ok(Vec::new());
    };
    let mut body = number::<u16>(code)?.to_be_bytes().to_vec();
    body.extend(rest(reason)?);
    Ok(body)
}
