//! Variations of an input.

/// Pieces that mean something to one of the parsers.
const TOKENS: [&[u8]; 24] = [
    b"{",
    b"}",
    b"[",
    b"]",
    b"\"",
    b":",
    b",",
    b"\\u0000",
    b"\\ud800",
    b"null",
    b"1e999",
    b"-0",
    b"\n",
    b"\xff",
    b"%00",
    b"%ff",
    b"&",
    b"=",
    b"+",
    b"\"hits\":[",
    b"\"site\":\"a\"",
    b"\"event\":{",
    b"\"props\":{",
    b"99999999999999999999",
];

/// Numbers that follow from a seed, so that a run can be had again.
pub(crate) struct Draw(pub(crate) u64);

impl Draw {
    pub(crate) fn below(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % below.max(1)
    }

    /// One of some inputs, changed in up to eight places.
    pub(crate) fn variation(&mut self, inputs: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = inputs[self.below(inputs.len())].clone();
        for _ in 0..=self.below(8) {
            let at = self.below(bytes.len() + 1);
            let to = (at + self.below(32)).min(bytes.len());
            match self.below(6) {
                0 if at < bytes.len() => bytes[at] = self.below(256) as u8,
                1 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
                2 => drop(bytes.drain(at..to)),
                3 => insert(&mut bytes, at, TOKENS[self.below(TOKENS.len())]),
                4 => {
                    let piece = bytes[at..to].repeat(1 + self.below(4));
                    insert(&mut bytes, at, &piece);
                }
                _ => {
                    let other = &inputs[self.below(inputs.len())];
                    let from = self.below(other.len() + 1);
                    let piece = other[from..(from + self.below(64)).min(other.len())].to_vec();
                    insert(&mut bytes, at, &piece);
                }
            }
        }
        bytes
    }
}

/// Puts a piece in between, as long as the whole stays of a size that is quick to try.
fn insert(bytes: &mut Vec<u8>, at: usize, piece: &[u8]) {
    if bytes.len() < 1 << 16 {
        bytes.splice(at..at, piece.iter().copied());
    }
}
