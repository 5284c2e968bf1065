//! The way of a run: captures to frames to datagrams to judged messages.

use std::collections::{HashSet, VecDeque};
use std::net::SocketAddr;

use crate::analysis::filter::Filter;
use crate::analysis::finding::Place;
use crate::analysis::{Analyzer, Event, Judged, Policy, Sighting, Summary};
use crate::auth::Keyrings;
use crate::capture::{Ending, Frame, Merge, Origin, Reader};
use crate::net::{Decoded, Decoder};
use crate::report::diagnosis::PatternRecord;
use crate::report::model::{CaptureRecord, DefectRecord, KeyFileRecord, ServerRecord, SummaryRecord, View};

use super::exit::CliError;
use super::inputs::Inputs;

/// What a pass over captures is made with.
pub(super) struct Pass<'p> {
    /// UDP ports of NTP.
    pub(super) ports: &'p [u16],
    /// Which messages to hand on; all without one.
    pub(super) filter: Option<&'p Filter>,
    /// The keys.
    pub(super) keys: &'p Keyrings,
    /// Which algorithms are weak.
    pub(super) policy: Policy,
    /// Whether to find out why MACs are wrong.
    pub(super) diagnose: bool,
}

/// Sees what a pass comes by.
pub(super) trait Visitor {
    /// A message that the filter lets through. `file` names its capture where there are several.
    fn message<'a>(&mut self, judged: &Judged<'a, 'a>, file: Option<&'a str>) -> Result<(), CliError>;

    /// What several messages together show.
    fn event(&mut self, _event: &Event) -> Result<(), CliError> {
        Ok(())
    }

    /// A frame, after the message in it if there is one.
    fn frame(&mut self, _capture: usize, _frame: &Frame<'_>) -> Result<(), CliError> {
        Ok(())
    }
}

/// What a pass left behind.
pub(super) struct Outcome<'p> {
    /// Counts.
    pub(super) summary: Summary,
    /// Servers and keys in use.
    pub(super) analyzer: Analyzer<'p>,
    /// True when a file could not be read, or not to its end.
    pub(super) failed: bool,
    /// True when the user ended it.
    pub(super) interrupted: bool,
    labels: Vec<String>,
    captures: Merge,
    selected: Selected,
}

impl<'p> Pass<'p> {
    /// Reads all captures.
    pub(super) fn run(&self, inputs: Inputs, visitor: &mut dyn Visitor) -> Result<Outcome<'p>, CliError> {
        let Inputs { labels, readers, incomplete, interrupt, live, .. } = inputs;
        let mut captures = Merge::new(readers);
        // One for each capture: fragments of one are no use to another.
        let mut decoders: Vec<Decoder> = labels.iter().map(|_| Decoder::new(self.ports)).collect();
        let mut analyzer = Analyzer::new(self.keys, self.policy);
        if self.diagnose {
            analyzer = analyzer.diagnosing();
        }
        let mut summary = Summary::default();
        let mut selected = Selected::new(self.filter.is_none());
        loop {
            captures.take_ended().into_iter().for_each(|capture| analyzer.end_capture(capture));
            let Some((capture, frame)) = captures.next_frame() else { break };
            summary.count_frame(frame.time);
            let Some(decoder) = decoders.get_mut(capture) else { continue };
            match decoder.decode(&frame) {
                Decoded::Undecoded(reason) => summary.count_undecoded(reason),
                Decoded::Datagram(datagram) => {
                    let interface = frame.origin.map(Origin::interface);
                    let sighting = Sighting { capture, interface, frame: frame.number, time: frame.time };
                    let judged = analyzer.judge(sighting, datagram);
                    summary.messages += 1;
                    if self.filter.is_none_or(|filter| filter.matches(&judged)) {
                        selected.note(&judged);
                        summary.count_selected(&judged);
                        let file = labels.get(capture).filter(|_| labels.len() > 1);
                        visitor.message(&judged, file.map(String::as_str))?;
                    }
                    pass_on(&mut analyzer, &selected, &mut summary, visitor)?;
                }
            }
            visitor.frame(capture, &frame)?;
            // What is live ends by itself, after what was captured before the signal.
            if !live && interrupt.is_set() {
                break;
            }
        }
        analyzer.finish();
        pass_on(&mut analyzer, &selected, &mut summary, visitor)?;
        summary.fragments_incomplete = decoders.iter_mut().map(|decoder| decoder.finish().incomplete).sum();
        let broken = captures.readers().iter().any(|reader| matches!(reader.ending(), Ending::Failed(_)));
        let (failed, interrupted) = (broken || incomplete, interrupt.is_set());
        Ok(Outcome { summary, analyzer, failed, interrupted, labels, captures, selected })
    }
}

fn pass_on(
    analyzer: &mut Analyzer<'_>,
    selected: &Selected,
    summary: &mut Summary,
    visitor: &mut dyn Visitor,
) -> Result<(), CliError> {
    for event in analyzer.take_events().into_iter().filter(|event| selected.concerns(event)) {
        summary.count_event(&event);
        visitor.event(&event)?;
    }
    Ok(())
}

/// The messages that a filter selected, so that nothing is told of others. Bounded: the oldest make room.
struct Selected {
    all: bool,
    places: HashSet<Place>,
    order: VecDeque<Place>,
    servers: HashSet<SocketAddr>,
}

impl Selected {
    fn new(all: bool) -> Selected {
        Selected { all, places: HashSet::new(), order: VecDeque::new(), servers: HashSet::new() }
    }

    fn note(&mut self, judged: &Judged<'_, '_>) {
        if self.all || !self.places.insert(judged.place()) {
            return;
        }
        self.order.push_back(judged.place());
        if self.order.len() > MOST_SELECTED
            && let Some(oldest) = self.order.pop_front()
        {
            self.places.remove(&oldest);
        }
        if self.servers.len() < MOST_SELECTED {
            self.servers.extend([judged.datagram.source, judged.datagram.destination]);
        }
    }

    fn concerns(&self, event: &Event) -> bool {
        self.all || event.frames.iter().any(|place| self.places.contains(place))
    }

    fn has(&self, server: &SocketAddr) -> bool {
        self.all || self.servers.contains(server)
    }
}

/// Selected messages that are remembered.
const MOST_SELECTED: usize = 65_536;

impl Outcome<'_> {
    /// The record of the summary.
    pub(super) fn record<'a>(&'a self, view: View, key_files: Vec<KeyFileRecord<'a>>) -> SummaryRecord<'a> {
        let captures = self.captures().map(|(label, reader)| capture_record(label, reader)).collect();
        let servers = self.analyzer.conversations().servers.sorted();
        let is_told = |server: &SocketAddr| view == View::Verify && self.selected.has(server);
        let servers = servers.iter().filter(|(server, _)| is_told(server));
        let servers = servers.map(|(address, server)| ServerRecord::new(*address, server));
        let files = Some(self.labels.as_slice()).filter(|labels| labels.len() > 1);
        let patterns = self.analyzer.patterns();
        let patterns = patterns.iter().map(|pattern| PatternRecord::new(pattern, files)).collect();
        let record = SummaryRecord::new(&self.summary, view, servers.collect(), captures, key_files);
        SummaryRecord { patterns, ..record }
    }

    /// Sentences about captures that did not end as they should.
    pub(super) fn warnings(&self) -> Vec<String> {
        let odd = self.captures().filter(|(_, reader)| !reader.ending().is_complete());
        odd.map(|(label, reader)| {
            format!("{label}: {}; packets read before it: {}", reader.ending(), reader.frames_read())
        })
        .collect()
    }

    /// True when a capture was not read to its end because the user ended it.
    pub(super) fn is_partial(&self) -> bool {
        self.interrupted && self.captures().any(|(_, reader)| matches!(reader.ending(), Ending::Open))
    }

    fn captures(&self) -> impl Iterator<Item = (&String, &Reader)> {
        self.labels.iter().zip(self.captures.readers())
    }
}

fn capture_record<'a>(label: &'a str, reader: &Reader) -> CaptureRecord<'a> {
    CaptureRecord {
        file: label,
        container: reader.container().to_string(),
        compression: reader.compressions().iter().map(ToString::to_string).collect(),
        frames: reader.frames_read(),
        ending: reader.ending().to_string(),
        defects: reader
            .defects()
            .iter()
            .map(|defect| DefectRecord {
                code: defect.kind.code(),
                count: defect.count,
                first_offset: defect.first_offset,
            })
            .collect(),
    }
}
