//! What a disk may hold when the power comes back: everything that was synced, and of the rest whatever
//! it likes.

use std::collections::BTreeMap;
use std::path::Path;

use crate::chance::Chance;
use crate::disk::{Op, Part};

/// The unit in which a disk writes whole or not at all, in bytes. What SQLite asks of a disk ("power-safe
/// overwrite") is that bytes outside of a write do not change with it.
const SECTOR: usize = 512;

/// Files of a database as they stand on a disk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Image(pub BTreeMap<Part, Vec<u8>>);

impl Image {
    /// Writes the files for a database at `path`.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn write(&self, path: &Path) -> std::io::Result<()> {
        for (part, bytes) in &self.0 {
            std::fs::write(part.path(path), bytes)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug)]
enum Change {
    Write { offset: usize, bytes: Vec<u8> },
    Truncate(usize),
}

impl Change {
    fn apply(&self, file: &mut Vec<u8>) {
        match self {
            Self::Write { offset, bytes } => put(file, *offset, bytes),
            Self::Truncate(size) => file.resize(*size, 0),
        }
    }

    fn end(&self) -> usize {
        match self {
            Self::Write { offset, bytes } => offset + bytes.len(),
            Self::Truncate(_) => 0,
        }
    }

    /// The write cut at the disk's sectors.
    fn sectors(&self) -> Vec<Self> {
        let Self::Write { offset, bytes } = self else {
            return vec![self.clone()];
        };
        let mut pieces = Vec::new();
        let mut at = *offset;
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let (piece, after) = rest.split_at((SECTOR - at % SECTOR).min(rest.len()));
            pieces.push(Self::Write {
                offset: at,
                bytes: piece.to_vec(),
            });
            at += piece.len();
            rest = after;
        }
        pieces
    }
}

fn put(file: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset + bytes.len();
    if file.len() < end {
        file.resize(end, 0);
    }
    file[offset..end].copy_from_slice(bytes);
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// A sync brought it to disk.
    Synced,
    /// The next sync will.
    Pending,
    /// The sync that should have failed: no later one will.
    Doubtful,
}

/// A file, with or without a name.
#[derive(Clone, Debug, Default)]
struct File {
    /// What is on disk for certain.
    base: Vec<u8>,
    /// What came after, oldest first.
    changes: Vec<(Change, Fate)>,
}

impl File {
    fn settle(&mut self, fate: Fate) {
        for (_, before) in &mut self.changes {
            if *before == Fate::Pending {
                *before = fate;
            }
        }
        let certain = self
            .changes
            .iter()
            .take_while(|(_, fate)| *fate == Fate::Synced)
            .count();
        for (change, _) in self.changes.drain(..certain) {
            change.apply(&mut self.base);
        }
    }

    fn crash(&self, how: How, chance: &mut Chance) -> Vec<u8> {
        let mut file = self.base.clone();
        let mut loose = Vec::new();
        let mut grown = 0;
        for (change, fate) in &self.changes {
            match fate {
                Fate::Synced => change.apply(&mut file),
                Fate::Doubtful if how == How::All || (how != How::Nothing && chance.coin()) => {
                    change.apply(&mut file);
                }
                Fate::Doubtful => {}
                Fate::Pending => {
                    grown = grown.max(change.end());
                    loose.push(change.clone());
                }
            }
        }
        for change in how.pick(loose, chance) {
            change.apply(&mut file);
        }
        // The size lies in another place of the disk than the bytes: it may have grown without them.
        if how != How::Nothing && chance.coin() && file.len() < grown {
            file.resize(grown, 0);
        }
        file
    }
}

/// How the disk treats what nobody synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    /// It had written nothing yet.
    Nothing,
    /// It had written everything.
    All,
    /// Some writes, in another order, and one of them torn.
    Some,
    /// Some sectors of some writes.
    Sectors,
}

impl How {
    fn draw(chance: &mut Chance) -> Self {
        match chance.below(8) {
            0 => Self::Nothing,
            1 => Self::All,
            2..=4 => Self::Some,
            _ => Self::Sectors,
        }
    }

    fn pick(self, loose: Vec<Change>, chance: &mut Chance) -> Vec<Change> {
        match self {
            Self::Nothing => Vec::new(),
            Self::All => loose,
            Self::Some => {
                let mut kept: Vec<Change> = loose.into_iter().filter(|_| chance.coin()).collect();
                chance.shuffle(&mut kept);
                if !kept.is_empty() {
                    let torn = kept.swap_remove(chance.below(kept.len()));
                    kept.extend(torn.sectors().into_iter().filter(|_| chance.coin()));
                }
                kept
            }
            Self::Sectors => {
                // Mostly there, mostly missing, or half: each finds other faults.
                let odds = [1, 4, 7][chance.below(3)];
                loose
                    .iter()
                    .flat_map(Change::sectors)
                    .filter(|_| chance.below(8) < odds)
                    .collect()
            }
        }
    }
}

/// Bytes of zeros behind the end of a log; not a whole number of its pages.
const AHEAD: usize = 50_000;

/// A disk that is written to: what is on it for certain, and what is still on its way.
#[derive(Clone, Debug, Default)]
pub struct Device {
    files: Vec<File>,
    /// Names in the folder as programs see them: the file of each.
    names: BTreeMap<Part, usize>,
    /// Names that are on disk for certain.
    kept: BTreeMap<Part, usize>,
    /// Changes of names since then.
    renames: Vec<(Part, Option<usize>)>,
}

impl Device {
    /// A disk that holds these files for certain.
    #[must_use]
    pub fn new(image: &Image) -> Self {
        let mut device = Self::default();
        for (part, bytes) in &image.0 {
            device.names.insert(*part, device.files.len());
            device.files.push(File {
                base: bytes.clone(),
                changes: Vec::new(),
            });
        }
        device.kept = device.names.clone();
        device
    }

    fn file(&mut self, part: Part) -> &mut File {
        let next = self.files.len();
        let index = *self.names.entry(part).or_insert(next);
        if index == next {
            self.files.push(File::default());
        }
        &mut self.files[index]
    }

    fn keep_names(&mut self) {
        self.kept = self.names.clone();
        self.renames.clear();
    }

    /// Takes in what a program did.
    pub fn apply(&mut self, op: &Op) {
        match op {
            Op::Create { part } => {
                self.renames.push((*part, Some(self.files.len())));
                self.names.insert(*part, self.files.len());
                self.files.push(File::default());
            }
            Op::Write {
                part,
                offset,
                bytes,
                ..
            } => {
                let change = Change::Write {
                    offset: *offset,
                    bytes: bytes.clone(),
                };
                self.file(*part).changes.push((change, Fate::Pending));
            }
            Op::Truncate { part, size } => {
                let change = (Change::Truncate(*size), Fate::Pending);
                self.file(*part).changes.push(change);
            }
            Op::Sync { part, folder, .. } => {
                self.file(*part).settle(Fate::Synced);
                if *folder {
                    self.keep_names();
                }
            }
            Op::SyncFailed { part, .. } => self.file(*part).settle(Fate::Doubtful),
            Op::Delete { part, folder } => {
                self.names.remove(part);
                self.renames.push((*part, None));
                if *folder {
                    self.keep_names();
                }
            }
            Op::WriteFailed { .. } | Op::Mark(_) => {}
        }
    }

    /// Takes the power away: one of the many things that the disk may hold then.
    #[must_use]
    pub fn crash(&self, chance: &mut Chance) -> Image {
        let how = How::draw(chance);
        let mut names = self.kept.clone();
        for part in Part::ALL {
            // Names change one after the other, but how far that got is open for each.
            let changes: Vec<Option<usize>> = self
                .renames
                .iter()
                .filter(|(name, _)| *name == part)
                .map(|(_, file)| *file)
                .collect();
            let reached = match how {
                How::Nothing => 0,
                How::All => changes.len(),
                How::Some | How::Sectors => chance.below(changes.len() + 1),
            };
            match changes[..reached].last() {
                Some(Some(file)) => names.insert(part, *file),
                Some(None) => names.remove(&part),
                None => None,
            };
        }
        let mut image = Image::default();
        for (part, file) in names {
            let mut bytes = self.files[file].crash(how, chance);
            // The writer of the log makes room in it ahead of its commits, past this recording.
            if part == Part::Wal && chance.coin() {
                bytes.resize(bytes.len() + (1 + chance.below(3)) * AHEAD, 0);
            }
            image.0.insert(part, bytes);
        }
        image
    }
}
