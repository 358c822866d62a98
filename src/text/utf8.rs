//! Checks that bytes which arrive in pieces are UTF-8. Knows nothing of where the bytes come from.

/// Says where a stream of bytes stops being UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the text is not valid UTF-8 from byte {offset} on")]
pub struct InvalidUtf8 {
    /// The offset of the first byte that belongs to no character, counted from the start of the stream.
    pub offset: u64,
}

/// Turns bytes that arrive in pieces of any size into text, holding back the beginning of a character until its end comes.
///
/// ```
/// use longhand::text::Utf8Stream;
/// let (mut stream, mut text) = (Utf8Stream::default(), String::new());
/// let bytes = "né".as_bytes();
/// for piece in bytes.chunks(1) {
///     stream.push(piece, |part| text.push_str(part))?;
/// }
/// stream.finish()?;
/// assert_eq!(text, "né");
/// # Ok::<(), longhand::text::InvalidUtf8>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Utf8Stream {
    /// The offset of the first byte of `begun`.
    offset: u64,
    /// The bytes of a character whose end has not come: never more than three between calls.
    begun: Vec<u8>,
}

impl Utf8Stream {
    /// Takes in the next bytes and gives `sink` every character that is complete with them.
    ///
    /// # Errors
    /// [`InvalidUtf8`] where a byte belongs to no character; everything before it has been given to `sink`.
    pub fn push(&mut self, bytes: &[u8], mut sink: impl FnMut(&str)) -> Result<(), InvalidUtf8> {
        let mut rest = bytes;
        while !self.begun.is_empty() {
            let Some((next, after)) = rest.split_first() else { return Ok(()) };
            self.begun.push(*next);
            match std::str::from_utf8(&self.begun) {
                Ok(text) => {
                    sink(text);
                    self.offset += text.len() as u64;
                    self.begun.clear();
                }
                Err(error) if error.error_len().is_some() => {
                    return Err(InvalidUtf8 { offset: self.offset });
                }
                Err(_) => {}
            }
            rest = after;
        }
        for chunk in rest.utf8_chunks() {
            sink(chunk.valid());
            self.offset += chunk.valid().len() as u64;
            let bad = chunk.invalid();
            if bad.is_empty() {
                continue;
            }
            let at_end = rest.ends_with(bad) && bad.as_ptr_range().end == rest.as_ptr_range().end;
            let unfinished = std::str::from_utf8(bad).is_err_and(|error| error.error_len().is_none());
            if !(at_end && unfinished) {
                return Err(InvalidUtf8 { offset: self.offset });
            }
            self.begun.extend_from_slice(bad);
        }
        Ok(())
    }

    /// Says that no more bytes come.
    ///
    /// # Errors
    /// [`InvalidUtf8`] where the stream ends inside a character.
    pub fn finish(&self) -> Result<(), InvalidUtf8> {
        if self.begun.is_empty() { Ok(()) } else { Err(InvalidUtf8 { offset: self.offset }) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode(bytes: &[u8], step: usize) -> (String, Result<(), InvalidUtf8>) {
        let (mut stream, mut text) = (Utf8Stream::default(), String::new());
        for piece in bytes.chunks(step) {
            if let Err(error) = stream.push(piece, |part| text.push_str(part)) {
                return (text, Err(error));
            }
        }
        (text, stream.finish())
    }

    #[test]
    fn the_offset_is_that_of_the_first_bad_byte() {
        assert_eq!(decode(b"ab\xffcd", 9).1, Err(InvalidUtf8 { offset: 2 }));
        assert_eq!(decode(b"ab\xe2\x82", 9).1, Err(InvalidUtf8 { offset: 2 }));
        assert_eq!(decode(b"a\xe2\x82b", 1).1, Err(InvalidUtf8 { offset: 1 }));
    }

    proptest! {
        #[test]
        fn agrees_with_the_standard_library_whatever_the_pieces(
            bytes in prop_oneof![any::<String>().prop_map(String::into_bytes), any::<Vec<u8>>()],
            step in 1_usize..9,
        ) {
            let (text, outcome) = decode(&bytes, step);
            match std::str::from_utf8(&bytes) {
                Ok(expected) => {
                    prop_assert_eq!(text, expected);
                    prop_assert_eq!(outcome, Ok(()));
                }
                Err(error) => {
                    prop_assert_eq!(outcome, Err(InvalidUtf8 { offset: error.valid_up_to() as u64 }));
                    prop_assert_eq!(text.len(), error.valid_up_to());
                }
            }
        }
    }
}
