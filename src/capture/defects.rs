//! Oddities of a capture that were read over: counted, never fatal.

/// A kind of oddity, how often it occurred, and where first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Defect {
    /// What is odd.
    pub kind: DefectKind,
    /// How often it occurred.
    pub count: u64,
    /// Where the first such record starts, in octets of the uncompressed stream.
    pub first_offset: u64,
    /// The number the first frame concerned has, or would have had if it could be handed out.
    pub first_frame: u64,
}

/// An oddity in a capture that does not keep the rest from being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DefectKind {
    /// A capture time has a second or more in its fraction; it was carried over.
    TimeFractionOverflow,
    /// A record or block is larger than 16 MiB; it was skipped.
    BlockTooLarge,
    /// A packet names an interface the section does not describe; it was skipped.
    UnknownInterface,
    /// A packet block claims more octets than it holds; it was skipped, or a simple packet block shortened.
    PacketBeyondBlock,
    /// A block is too short for its own fixed fields; it was skipped.
    BlockCut,
    /// An option of an interface runs beyond its block or has an impossible length; it was ignored.
    OptionDamaged,
    /// A section claims a major version other than 1; it was read as if it were 1.
    SectionVersion,
    /// A section describes more interfaces than are kept; packets of the others were skipped.
    TooManyInterfaces,
}

impl DefectKind {
    /// A stable identifier in kebab case.
    pub fn code(self) -> &'static str {
        match self {
            DefectKind::TimeFractionOverflow => "time-fraction-overflow",
            DefectKind::BlockTooLarge => "block-too-large",
            DefectKind::UnknownInterface => "unknown-interface",
            DefectKind::PacketBeyondBlock => "packet-beyond-block",
            DefectKind::BlockCut => "block-cut",
            DefectKind::OptionDamaged => "option-damaged",
            DefectKind::SectionVersion => "section-version",
            DefectKind::TooManyInterfaces => "too-many-interfaces",
        }
    }

    /// What it means, for a reader.
    pub fn explain(self) -> &'static str {
        match self {
            DefectKind::TimeFractionOverflow => {
                "capture time with a second or more in its fraction, carried over"
            }
            DefectKind::BlockTooLarge => "block larger than 16777216 octets, skipped",
            DefectKind::UnknownInterface => "packet of an interface that is not described, skipped",
            DefectKind::PacketBeyondBlock => "packet longer than the block that holds it",
            DefectKind::BlockCut => "block too short for its fields, skipped",
            DefectKind::OptionDamaged => "interface option of impossible length, ignored",
            DefectKind::SectionVersion => "section of another major version than 1, read as 1",
            DefectKind::TooManyInterfaces => "more than 65536 interfaces in a section, the others ignored",
        }
    }
}

/// The oddities of one capture, one entry a kind.
#[derive(Debug, Default)]
pub(super) struct Defects {
    list: Vec<Defect>,
}

impl Defects {
    /// Counts one oddity of the record that starts at `offset`.
    pub(super) fn note(&mut self, kind: DefectKind, offset: u64, frame: u64) {
        match self.list.iter_mut().find(|defect| defect.kind == kind) {
            Some(defect) => defect.count = defect.count.saturating_add(1),
            None => self.list.push(Defect { kind, count: 1, first_offset: offset, first_frame: frame }),
        }
    }

    /// What was counted, in order of first occurrence.
    pub(super) fn list(&self) -> &[Defect] {
        &self.list
    }
}
