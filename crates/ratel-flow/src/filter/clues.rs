//! What a request must have in it for a filter to want its flow.
//!
//! Whoever asks many filters about every request does not ask them one by one: texts of which the request must have one
//! are looked for all at once ([`Lookout`]), and only the filters whose texts were seen have to be asked. That is a sieve:
//! a filter that is not let through wants no flow of this request, and one that is may still want none.

mod glance;

use aho_corasick::{AhoCorasick, AhoCorasickBuilder};

use super::operators::Operator;
use super::parse::{Node, Operand, Test};
use crate::Headers;
use crate::flow::Side;
use crate::http::LiveRequest;
use crate::pattern::Pattern;

/// No more texts than this are alternatives of each other.
const CLUES_MOST: usize = 64;

/// How far a flow has come for which clues are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It may have come any way.
    Any,
    /// It has no response.
    Unanswered,
    /// It has the head of a response, in which clues may be, too.
    Answered,
}

/// Texts of which a request, or its response, has at least one if somebody wants its flow. None at all: nobody does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Clues(Vec<Clue>);

/// A text, and where it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Clue {
    place: Place,
    /// In small letters; those of the request may be others.
    text: Box<[u8]>,
}

/// The parts of the heads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
enum Place {
    Method,
    Url,
    Host,
    /// The lines of its headers, of which whitespace and colons may be others than filters see.
    Headers,
    /// The same of the response.
    ResponseHeaders,
}

impl Clues {
    /// Those of what has two conditions: the ones that say more. None if nothing is known of either.
    #[must_use]
    pub fn of_both(one: Option<Self>, other: Option<Self>) -> Option<Self> {
        [one, other].into_iter().flatten().max_by_key(Self::merit)
    }

    /// What must be in the URL where a pattern is found in it.
    pub(crate) fn in_url(required: &[Vec<Box<[u8]>>]) -> Option<Self> {
        Self::in_place(Place::Url, required)
    }

    /// That of a response with a header of that name, which is in small letters.
    #[must_use]
    pub fn of_response_header(name: &str) -> Self {
        Self(vec![Clue {
            place: Place::ResponseHeaders,
            text: name.as_bytes().into(),
        }])
    }

    /// Those that are in the response.
    fn in_response(&self) -> impl Iterator<Item = &[u8]> {
        let clues = self.0.iter();
        clues
            .filter(|clue| clue.place == Place::ResponseHeaders)
            .map(|clue| &*clue.text)
    }

    fn in_place(place: Place, required: &[Vec<Box<[u8]>>]) -> Option<Self> {
        let clues = |set: &Vec<Box<[u8]>>| {
            let clue = |text: &[u8]| {
                let text = match place {
                    Place::Headers | Place::ResponseHeaders => glance::longest_in_line(text)?,
                    _ => text,
                };
                Some(Clue {
                    place,
                    text: text.into(),
                })
            };
            set.iter()
                .map(AsRef::as_ref)
                .map(clue)
                .collect::<Option<Vec<_>>>()
        };
        required.iter().find_map(clues).map(Self)
    }

    /// The longer the texts, and the fewer, the more they say; methods say little.
    fn merit(&self) -> (bool, usize, std::cmp::Reverse<usize>) {
        let is_method = self.0.iter().any(|clue| clue.place == Place::Method);
        let shortest = self.0.iter().map(|clue| clue.text.len()).min();
        let shortest = shortest.map_or(usize::MAX, |shortest| shortest.min(16));
        (!is_method, shortest, std::cmp::Reverse(self.0.len()))
    }
}

/// What requests must have in them whose flows a tree wants. None where it may want the flow of any.
pub(super) fn of(node: &Node, stage: Stage) -> Option<Clues> {
    match node {
        Node::All(nodes) => nodes
            .iter()
            .map(|node| of(node, stage))
            .reduce(Clues::of_both)?,
        Node::Any(nodes) => {
            let mut all = Clues::default();
            for node in nodes {
                all.0.extend(of(node, stage)?.0);
            }
            (all.0.len() <= CLUES_MOST).then_some(all)
        }
        Node::Not(_) => None,
        Node::Test(test) => of_test(test, stage),
    }
}

fn of_test(test: &Test, stage: Stage) -> Option<Clues> {
    let places: &[Place] = match test.row.operator {
        Operator::Tcp | Operator::Udp | Operator::Dns => return Some(Clues::default()),
        Operator::Asset
        | Operator::Code
        | Operator::HasResponse
        | Operator::Header(Some(Side::Server))
        | Operator::ContentType(Some(Side::Server))
            if stage == Stage::Unanswered =>
        {
            return Some(Clues::default());
        }
        Operator::NoResponse if stage == Stage::Answered => return Some(Clues::default()),
        Operator::Method => &[Place::Method],
        Operator::Url => &[Place::Url],
        Operator::Domain => &[Place::Host],
        Operator::Header(Some(Side::Client)) | Operator::ContentType(Some(Side::Client)) => {
            &[Place::Headers]
        }
        Operator::Header(Some(Side::Server)) | Operator::ContentType(Some(Side::Server))
            if stage == Stage::Answered =>
        {
            &[Place::ResponseHeaders]
        }
        Operator::Header(None) | Operator::ContentType(None) => match stage {
            Stage::Any => return None,
            Stage::Unanswered => &[Place::Headers],
            Stage::Answered => &[Place::Headers, Place::ResponseHeaders],
        },
        _ => return None,
    };
    let Operand::Pattern(pattern) = &test.operand else {
        return None;
    };
    let required = Pattern::required(pattern);
    let mut clues = Clues::default();
    for place in places {
        clues.0.extend(Clues::in_place(*place, &required)?.0);
    }
    Some(clues)
}

/// Looks for the clues of many at once.
#[derive(Debug, Default)]
pub struct Lookout {
    glance: Option<glance::Glance>,
    method: Option<Scan>,
    url: Option<Scan>,
    host: Option<Scan>,
    headers: Option<Scan>,
    /// All that was taken in.
    texts: Vec<Clue>,
}

/// What was seen, or what somebody looks out for. Where there are many texts, some stand for each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sighting(u64);

impl Sighting {
    /// What is seen in every request.
    const ALWAYS: Self = Self(1 << 63);

    /// How many texts are told from each other.
    const DISTINCT: usize = 63;

    /// Whether anything of it is among what somebody looks out for.
    #[must_use]
    pub fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// As a number, and back.
    #[must_use]
    pub fn bits(self) -> u64 {
        self.0
    }

    /// See [`bits`](Self::bits).
    #[must_use]
    pub fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// What is in either.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    fn of(text: usize) -> Self {
        Self(1 << (text % Self::DISTINCT))
    }
}

/// The texts that are looked for in one place.
#[derive(Debug)]
struct Scan {
    /// None if they are too many.
    texts: Option<AhoCorasick>,
    sightings: Vec<Sighting>,
    all: Sighting,
}

impl Lookout {
    /// Takes in what somebody looks out for in requests, and says what that is called. Nothing is seen of it before
    /// [`ready`](Self::ready).
    pub fn add(&mut self, clues: Option<&Clues>) -> Sighting {
        let Some(clues) = clues else {
            return Sighting::ALWAYS;
        };
        let first = self.texts.len();
        let in_request = clues.0.iter();
        let in_request = in_request.filter(|clue| clue.place != Place::ResponseHeaders);
        self.texts.extend(in_request.cloned());
        (first..self.texts.len())
            .map(Sighting::of)
            .fold(Sighting::default(), Sighting::with)
    }

    /// Once all are taken in.
    #[must_use]
    pub fn ready(mut self) -> Self {
        self.glance = glance::Glance::new(&self.texts);
        self.method = self.scan(Place::Method);
        self.url = self.scan(Place::Url);
        self.host = self.scan(Place::Host);
        self.headers = self.scan(Place::Headers);
        self
    }

    fn scan(&self, place: Place) -> Option<Scan> {
        let texts = self.texts.iter().enumerate();
        let texts = texts.filter(|(_, clue)| clue.place == place);
        let (sightings, texts): (Vec<_>, Vec<_>) = texts
            .map(|(number, clue)| (Sighting::of(number), &clue.text))
            .unzip();
        let all = sightings.iter().copied().reduce(Sighting::with)?;
        Some(Scan {
            texts: AhoCorasickBuilder::new()
                .ascii_case_insensitive(true)
                .prefilter(false)
                .build(texts)
                .ok(),
            sightings,
            all,
        })
    }

    /// What there is in a request.
    #[must_use]
    pub fn look(&self, request: &LiveRequest) -> Sighting {
        let mut seen = Sighting::ALWAYS;
        if self
            .glance
            .as_ref()
            .is_none_or(|glance| !glance.may_see(request))
        {
            return seen;
        }
        if let Some(scan) = &self.method {
            scan.look(&request.method, &mut seen);
        }
        if let Some(scan) = &self.url {
            let texts = request.texts();
            texts.any_url(request, |url| scan.look_in_text(url, &mut seen));
        }
        if let Some(scan) = &self.host {
            let texts = request.texts();
            texts.any_host(request, |host| scan.look_in_text(host, &mut seen));
        }
        if let Some(scan) = &self.headers {
            for part in request.headers.storage() {
                scan.look(part, &mut seen);
            }
        }
        seen
    }
}

impl Scan {
    /// Says whether there is nothing more to be seen.
    fn look(&self, bytes: &[u8], seen: &mut Sighting) -> bool {
        let Some(texts) = &self.texts else {
            *seen = seen.with(self.all);
            return true;
        };
        for found in texts.find_overlapping_iter(bytes) {
            let sighting = self.sightings.get(found.pattern().as_usize());
            *seen = seen.with(sighting.copied().unwrap_or(self.all));
        }
        seen.0 & self.all.0 == self.all.0
    }

    /// Letters outside of ASCII may be the same as others for whoever ignores case.
    fn look_in_text(&self, text: &str, seen: &mut Sighting) -> bool {
        if !text.is_ascii() {
            *seen = seen.with(self.all);
        }
        self.look(text.as_bytes(), seen)
    }
}

/// Looks for clues in the heads of responses.
#[derive(Debug)]
pub struct ResponseLookout(glance::Words);

impl ResponseLookout {
    /// None if nobody looks out for any there.
    #[must_use]
    pub fn new<'a>(clues: impl IntoIterator<Item = &'a Clues>) -> Option<Self> {
        let texts: Vec<&[u8]> = clues.into_iter().flat_map(Clues::in_response).collect();
        (!texts.is_empty()).then(|| Self(glance::Words::of(texts)))
    }

    /// Whether there may be any in these headers. False is certain.
    #[must_use]
    pub fn may_see(&self, headers: &Headers) -> bool {
        let mut head = Vec::with_capacity(512);
        for part in headers.storage() {
            head.extend_from_slice(part);
            head.push(b'\n');
        }
        head.make_ascii_lowercase();
        self.0.may_be_in(&head)
    }
}

#[cfg(test)]
mod tests;
