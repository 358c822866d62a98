//! Tells from the first bytes of a file whether it is text. Knows formats by their first bytes and opens nothing.

/// How many bytes are looked at.
pub(super) const SAMPLE: usize = 8 * 1024;

/// Formats that are recognized, so that the message can name them.
const MAGIC: &[(&[u8], &str)] = &[
    (b"%PDF-", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive or an office document"),
    (b"\xD0\xCF\x11\xE0", "an old office document"),
    (b"{\\rtf", "an RTF document"),
    (b"\x89PNG", "a PNG image"),
    (b"GIF8", "a GIF image"),
    (b"\xFF\xD8\xFF", "a JPEG image"),
    (b"\x1F\x8B", "a gzip archive"),
    (b"\x28\xB5\x2F\xFD", "a zstd archive"),
    (b"7z\xBC\xAF", "a 7z archive"),
    (b"\x7FELF", "a program"),
    (b"SQLite format 3\0", "a database"),
    (b"GGUF", "a model"),
];

/// What a format without a name is called.
pub(super) const BINARY: &str = "a binary file";

/// One control character in so many bytes is more than any text has.
const CONTROL_SHARE: usize = 10;

/// Says what kind of binary file begins with `sample`, or `None` where it may be text.
pub(super) fn binary_kind(sample: &[u8]) -> Option<&'static str> {
    if let Some((_, kind)) = MAGIC.iter().find(|(magic, _)| sample.starts_with(magic)) {
        return Some(kind);
    }
    if sample.starts_with(b"\xFF\xFE") || sample.starts_with(b"\xFE\xFF") {
        return None;
    }
    let controls =
        sample.iter().filter(|b| b.is_ascii_control() && !matches!(b, b'\t'..=b'\r' | 0x1B)).count();
    (sample.contains(&0) || controls * CONTROL_SHARE > sample.len()).then_some(BINARY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binary_files_are_known_by_their_first_bytes() {
        assert_eq!(binary_kind(b"%PDF-1.7"), Some("a PDF document"));
        assert_eq!(binary_kind(b"a\0b"), Some("a binary file"));
        assert_eq!(binary_kind(b"\x01\x02abc"), Some("a binary file"));
        for text in [b"plain\ttext\r\n".as_slice(), b"\xFF\xFEa\0", b"caf\xE9", b""] {
            assert_eq!(binary_kind(text), None);
        }
    }
}
