//! As much of DER (X.690) as it takes to look into certificates and keys.

/// ASN.1 tags.
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
/// Of an ECPrivateKey.
const PUBLIC_KEY: u8 = 0xa1;

/// The SubjectPublicKeyInfo of a certificate, whole (RFC 5280 §4.1); `None` if
/// it is no certificate.
pub(crate) fn public_key_info(certificate: &[u8]) -> Option<&[u8]> {
    let to_be_signed = sequence(sequence(certificate)?)?;
    let (first, behind) = Element::read(to_be_signed)?;
    let mut rest = if first.tag == VERSION { behind } else { to_be_signed };
    // Serial number, algorithm, issuer, validity, subject.
    for _ in 0..5 {
        rest = Element::read(rest)?.1;
    }
    let (info, _) = Element::read(rest)?;
    (info.tag == SEQUENCE).then_some(info.whole)
}

/// The object identifier of a public key's algorithm.
pub(crate) fn public_key_algorithm(info: &[u8]) -> Option<&[u8]> {
    let (identifier, _) = Element::read(sequence(sequence(info)?)?)?;
    Some(identifier.content)
}

/// The same of a private key in PKCS#8 (RFC 5958 §2).
pub(crate) fn private_key_algorithm(key: &[u8]) -> Option<&[u8]> {
    let (_version, behind) = Element::read(sequence(key)?)?;
    let (identifier, _) = Element::read(sequence(behind)?)?;
    Some(identifier.content)
}

/// Whether a private key in PKCS#8 shows that it is the one of a public key: an
/// RSA key has both its numbers (RFC 8017 §A.1.2), one of a curve may have its
/// point (RFC 5915 §3). False says nothing.
pub(crate) fn are_a_pair(info: &[u8], key: &[u8]) -> bool {
    let pair = || {
        let (algorithm, behind) = Element::read(sequence(info)?)?;
        let public = Element::read(behind)?.0.content.strip_prefix(&[0])?;
        let (_version, behind) = Element::read(sequence(key)?)?;
        let (same, behind) = Element::read(behind)?;
        let (_version, private) = Element::read(sequence(Element::read(behind)?.0.content)?)?;
        let held = match sequence(public) {
            Some(numbers) => private.starts_with(numbers),
            None => point(private)? == public,
        };
        Some(algorithm.whole == same.whole && held)
    };
    pair().unwrap_or(false)
}

/// The public key in what an ECPrivateKey has behind its version.
fn point(mut private: &[u8]) -> Option<&[u8]> {
    loop {
        let (element, behind) = Element::read(private)?;
        if element.tag == PUBLIC_KEY {
            return Element::read(element.content)?.0.content.strip_prefix(&[0]);
        }
        private = behind;
    }
}

/// The content of the SEQUENCE that stands first.
fn sequence(bytes: &[u8]) -> Option<&[u8]> {
    let (element, _) = Element::read(bytes)?;
    (element.tag == SEQUENCE).then_some(element.content)
}

/// An element of DER: tag, length, content.
struct Element<'a> {
    tag: u8,
    whole: &'a [u8],
    content: &'a [u8],
}

impl<'a> Element<'a> {
    /// The first element of `bytes`, and what is behind it.
    fn read(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (&[tag, short], rest) = bytes.split_first_chunk()?;
        let (len, header) = match short {
            0..=0x7f => (usize::from(short), 2),
            // Longer than four bytes of length is no certificate.
            0x81..=0x84 => {
                let count = usize::from(short & 0x7f);
                let digits = rest.get(..count)?;
                let len = digits.iter().fold(0, |len, digit| len << 8 | usize::from(*digit));
                (len, 2 + count)
            }
            _ => return None,
        };
        let (whole, behind) = bytes.split_at_checked(header.checked_add(len)?)?;
        Some((Self { tag, whole, content: whole.get(header..)? }, behind))
    }
}

#[cfg(test)]
mod tests {
    use super::{are_a_pair, private_key_algorithm, public_key_algorithm, public_key_info};

    /// SEQUENCE { SEQUENCE { [0], 5 elements, SEQUENCE { 07 08 } } }.
    const SMALL: &[u8] = &[
        0x30, 0x14, 0x30, 0x12, 0xa0, 1, 2, 2, 1, 9, 0x30, 0, 0x30, 0, 0x30, 0, 0x30, 0, 0x30, 2,
        7, 8,
    ];

    #[test]
    fn the_key_is_found() {
        assert_eq!(public_key_info(SMALL), Some(&[0x30, 2, 7, 8][..]));
        let info = [0x30, 7, 0x30, 3, 6, 1, 42, 3, 0];
        assert_eq!(public_key_algorithm(&info), Some(&[42][..]));
        let key = [0x30, 8, 2, 1, 0, 0x30, 3, 6, 1, 42];
        assert_eq!(private_key_algorithm(&key), Some(&[42][..]));
    }

    /// SEQUENCE { algorithm, BIT STRING { public } }.
    fn public(public: &[u8]) -> Vec<u8> {
        let bits = [&[0], public].concat();
        element(0x30, &[element(0x30, &element(6, &[42])), element(3, &bits)].concat())
    }

    /// SEQUENCE { version, algorithm, OCTET STRING { SEQUENCE { version, private } } }.
    fn private(private: &[u8]) -> Vec<u8> {
        let inner = element(0x30, &[&[2, 1, 1], private].concat());
        let algorithm = element(0x30, &element(6, &[42]));
        element(0x30, &[vec![2, 1, 0], algorithm, element(4, &inner)].concat())
    }

    fn element(tag: u8, content: &[u8]) -> Vec<u8> {
        let len = u8::try_from(content.len()).unwrap_or(u8::MAX);
        [&[tag, len], content].concat()
    }

    #[test]
    fn pairs_are_known() {
        let numbers = [2, 1, 77, 2, 1, 3];
        let rsa = (public(&element(0x30, &numbers)), private(&[&numbers[..], &[2, 1, 9]].concat()));
        assert!(are_a_pair(&rsa.0, &rsa.1));
        assert!(!are_a_pair(&public(&element(0x30, &[2, 1, 77, 2, 1, 5])), &rsa.1));
        let secret = [4, 1, 9];
        let held = element(0xa1, &element(3, &[0, 4, 7, 8]));
        let curve = (public(&[4, 7, 8]), private(&[&secret[..], &held].concat()));
        assert!(are_a_pair(&curve.0, &curve.1));
        assert!(!are_a_pair(&public(&[4, 7, 9]), &curve.1));
        assert!(!are_a_pair(&rsa.0, &curve.1));
        // It may be: this does not show it.
        assert!(!are_a_pair(&curve.0, &private(&secret)));
        for cut in 0..curve.1.len() {
            assert!(!are_a_pair(&curve.0, curve.1.get(..cut).unwrap_or_default()), "{cut}");
        }
        for cut in 0..curve.0.len() {
            assert!(!are_a_pair(curve.0.get(..cut).unwrap_or_default(), &curve.1), "{cut}");
        }
    }

    #[test]
    fn what_is_no_certificate_has_no_key() {
        for cut in 0..SMALL.len() {
            assert_eq!(public_key_info(SMALL.get(..cut).unwrap_or_default()), None, "{cut}");
        }
        for bytes in [&[0x30, 0x80, 0, 0][..], &[0x30, 0x88, 1, 2, 3, 4, 5, 6, 7, 8], &[0x30; 64]] {
            assert_eq!(public_key_info(bytes), None);
            assert_eq!(private_key_algorithm(bytes), None);
        }
    }
}
