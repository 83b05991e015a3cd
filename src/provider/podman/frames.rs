//! The frames in which a process without a terminal sends its two streams over one connection: one
//! byte for the stream, three of nothing, four of length.

use std::ops::Range;

/// How long a frame's head is.
const HEAD: usize = 8;

/// The stream that a frame belongs to where it is not the errors'.
const ERRORS: u8 = 2;

/// Takes frames apart, across reads that end anywhere.
#[derive(Debug, Default)]
pub(super) struct Frames {
    head: [u8; HEAD],
    /// How much of the head is there.
    known: usize,
    /// How much of the payload is still to come.
    left: usize,
}

/// Which of the process's streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stream {
    Output,
    Errors,
}

impl Frames {
    /// Moves the payloads in the buffer together and says which of its parts belong to which
    /// stream. Frames are small (8 KiB); put together they are written in one go.
    pub(super) fn take_apart(
        &mut self,
        buffer: &mut [u8],
        parts: &mut Vec<(Stream, Range<usize>)>,
    ) {
        parts.clear();
        let (mut read, mut written) = (0, 0);
        while read < buffer.len() {
            if self.left == 0 {
                let take = (HEAD - self.known).min(buffer.len() - read);
                self.head[self.known..self.known + take]
                    .copy_from_slice(&buffer[read..read + take]);
                self.known += take;
                read += take;
                if self.known < HEAD {
                    break;
                }
                let [.., a, b, c, d] = self.head;
                self.left = u32::from_be_bytes([a, b, c, d]) as usize;
                self.known = if self.left == 0 { 0 } else { HEAD };
                continue;
            }
            let take = self.left.min(buffer.len() - read);
            buffer.copy_within(read..read + take, written);
            let stream = if self.head[0] == ERRORS { Stream::Errors } else { Stream::Output };
            match parts.last_mut() {
                Some((last, range)) if *last == stream => range.end += take,
                _ => parts.push((stream, written..written + take)),
            }
            written += take;
            read += take;
            self.left -= take;
            if self.left == 0 {
                self.known = 0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn framed(frames: &[(u8, Vec<u8>)]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (stream, payload) in frames {
            bytes.extend_from_slice(&[*stream, 0, 0, 0]);
            bytes.extend_from_slice(&u32::try_from(payload.len()).expect("small").to_be_bytes());
            bytes.extend_from_slice(payload);
        }
        bytes
    }

    #[test]
    fn neighbours_of_one_stream_become_one_part() {
        let mut bytes = framed(&[(1, b"ab".to_vec()), (1, b"c".to_vec()), (2, b"d".to_vec())]);
        let mut parts = Vec::new();
        Frames::default().take_apart(&mut bytes, &mut parts);
        assert_eq!(parts, [(Stream::Output, 0..3), (Stream::Errors, 3..4)]);
        assert_eq!(&bytes[..4], b"abcd");
    }

    proptest! {
        #[test]
        fn every_byte_arrives_wherever_the_reads_end(
            frames in prop::collection::vec((1u8..3, prop::collection::vec(any::<u8>(), 0..40)), 0..20),
            size in 1usize..50,
        ) {
            let mut parser = Frames::default();
            let (mut output, mut errors, mut parts) = (Vec::new(), Vec::new(), Vec::new());
            for chunk in framed(&frames).chunks(size) {
                let mut chunk = chunk.to_vec();
                parser.take_apart(&mut chunk, &mut parts);
                for (stream, range) in &parts {
                    let to = if *stream == Stream::Output { &mut output } else { &mut errors };
                    to.extend_from_slice(&chunk[range.clone()]);
                }
            }
            let of = |wanted: u8| -> Vec<u8> {
                frames.iter().filter(|(s, _)| *s == wanted).flat_map(|(_, p)| p.clone()).collect()
            };
            prop_assert_eq!(output, of(1));
            prop_assert_eq!(errors, of(2));
        }
    }
}
