//! Inputs that follow from a seed: pieces of known ones, cut, doubled, joined and bent.

/// Words that the readers look for.
pub const TOKENS: [&str; 88] = [
    "{{",
    "}}",
    "{{{",
    "}}}",
    "{{#if ",
    "{{/if}}",
    "{{#each ",
    "{{/each}}",
    "{{else}}",
    "{{!",
    "{{>",
    "{{~",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "'",
    "\"",
    "\\",
    "`",
    "|",
    ">",
    "&a ",
    "*a",
    "<<: ",
    "- ",
    ": ",
    "? ",
    "!!str ",
    "!!int ",
    "!",
    "%",
    "@",
    "#",
    "---\n",
    "...\n",
    "\n",
    "\r\n",
    "\t",
    " ",
    "  ",
    "\u{feff}",
    "\u{0}",
    "ä",
    "€",
    "😀",
    "\u{2028}",
    "‹secret:",
    "›",
    "‹secret:token›",
    "params.",
    "env.",
    "steps.",
    "secrets.token",
    "item",
    "name: ",
    "steps:\n",
    "  - id: a\n",
    "    uses: ",
    "    with: ",
    "    needs: [",
    "    when: ",
    "    for_each: ",
    "    until: ",
    "    undo: none\n",
    "log",
    "assert",
    "let",
    "approval",
    "runbook",
    "null",
    "true",
    "~",
    "0x",
    "1e999",
    "-1",
    "18446744073709551616",
    "9223372036854775807",
    "0.1",
    "1h30m",
    "250ms",
    " && ",
    " ? ",
    ".all(x, ",
    ".map(x, ",
    "has(",
];

/// A small generator: one seed names one sequence.
#[derive(Clone, Debug)]
pub struct Mutator {
    state: u64,
}

impl Mutator {
    /// The generator of this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
        }
    }

    /// A number below `sides`; 0 when there are none.
    pub fn roll(&mut self, sides: usize) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        usize::try_from(self.state >> 16).unwrap_or(0) % sides.max(1)
    }

    /// A new input out of known ones.
    pub fn input(&mut self, known: &[Vec<u8>]) -> Vec<u8> {
        let mut data = known
            .get(self.roll(known.len()))
            .cloned()
            .unwrap_or_default();
        for _ in 0..=self.roll(6) {
            self.bend(&mut data, known);
        }
        data
    }

    fn bend(&mut self, data: &mut Vec<u8>, known: &[Vec<u8>]) {
        let at = self.roll(data.len() + 1);
        let end = (at + self.roll(24)).min(data.len());
        match self.roll(10) {
            0 if at < data.len() => data[at] ^= 1 << self.roll(8),
            1 if at < data.len() => data[at] = u8::try_from(self.roll(256)).unwrap_or(0),
            2 => {
                data.drain(at..end);
            }
            3 => {
                let piece = data[at..end].to_vec();
                for _ in 0..=self.roll(3) {
                    data.splice(at..at, piece.iter().copied());
                }
            }
            4 => {
                let other = known
                    .get(self.roll(known.len()))
                    .map_or(&[][..], Vec::as_slice);
                let from = self.roll(other.len() + 1);
                let to = (from + self.roll(200)).min(other.len());
                data.splice(at..at, other[from..to].iter().copied());
            }
            5 => {
                let other = known
                    .get(self.roll(known.len()))
                    .map_or(&[][..], Vec::as_slice);
                data.truncate(at);
                data.extend_from_slice(&other[self.roll(other.len() + 1)..]);
            }
            6 => self.swap_lines(data),
            7 => {
                let token = TOKENS[self.roll(TOKENS.len())].as_bytes();
                data.splice(at..end, token.iter().copied());
            }
            _ => {
                let token = TOKENS[self.roll(TOKENS.len())].as_bytes();
                data.splice(at..at, token.iter().copied());
            }
        }
    }

    fn swap_lines(&mut self, data: &mut Vec<u8>) {
        let mut lines: Vec<&[u8]> = data.split_inclusive(|byte| *byte == b'\n').collect();
        if lines.len() < 2 {
            return;
        }
        let (one, two) = (self.roll(lines.len()), self.roll(lines.len()));
        lines.swap(one, two);
        if self.roll(2) == 0 {
            lines.remove(one);
        }
        *data = lines.concat();
    }
}
