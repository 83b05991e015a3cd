//! The frames in which a process without a terminal sends its two streams over one connection: one
//! byte for the stream, three of nothing, four of length.

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
    /// The payloads in what was read, and the stream that each belongs to.
    pub(super) fn take_apart<'a>(&mut self, mut read: &'a [u8]) -> Vec<(Stream, &'a [u8])> {
        let mut parts = Vec::with_capacity(read.len() / (8 << 10) + 2);
        while !read.is_empty() {
            if self.left == 0 {
                let (head, rest) = read.split_at((HEAD - self.known).min(read.len()));
                self.head[self.known..self.known + head.len()].copy_from_slice(head);
                self.known += head.len();
                read = rest;
                if self.known < HEAD {
                    break;
                }
                let [.., a, b, c, d] = self.head;
                self.left = u32::from_be_bytes([a, b, c, d]) as usize;
                self.known = if self.left == 0 { 0 } else { HEAD };
                continue;
            }
            let (payload, rest) = read.split_at(self.left.min(read.len()));
            let stream = if self.head[0] == ERRORS { Stream::Errors } else { Stream::Output };
            parts.push((stream, payload));
            read = rest;
            self.left -= payload.len();
            if self.left == 0 {
                self.known = 0;
            }
        }
        parts
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
    fn payloads_come_with_their_stream() {
        let bytes = framed(&[(1, b"ab".to_vec()), (1, b"".to_vec()), (2, b"d".to_vec())]);
        let parts = Frames::default().take_apart(&bytes);
        assert_eq!(parts, [(Stream::Output, &b"ab"[..]), (Stream::Errors, b"d")]);
    }

    proptest! {
        #[test]
        fn every_byte_arrives_wherever_the_reads_end(
            frames in prop::collection::vec((1u8..3, prop::collection::vec(any::<u8>(), 0..40)), 0..20),
            size in 1usize..50,
        ) {
            let mut parser = Frames::default();
            let (mut output, mut errors) = (Vec::new(), Vec::new());
            for chunk in framed(&frames).chunks(size) {
                for (stream, part) in parser.take_apart(chunk) {
                    let to = if stream == Stream::Output { &mut output } else { &mut errors };
                    to.extend_from_slice(part);
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
