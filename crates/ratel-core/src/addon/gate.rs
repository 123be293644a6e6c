//! Telling from the head of a request for which addons its flow cannot be, so that these are not called at all.
//!
//! An addon with rules gives [`Gate`]s, each with what requests must have in them. What all gates look out for is looked for
//! at once ([`Gates`]): once a request, and once more when somebody has changed it; the answer lies beside the request.

use ratel_flow::filter::{Clues, Lookout, ResponseLookout, Sighting, Stage};
use ratel_flow::{HttpFlow, LiveRequest};

use crate::hooks::{Hook, HookSet};

/// The requests that an addon may be for, and where that matters.
#[derive(Clone, Debug)]
pub struct Gate {
    hooks: HookSet,
    stage: Stage,
    ways: Vec<Option<Clues>>,
}

impl Gate {
    /// The gate of an addon that does something in these hooks, and to bodies, only to flows whose request has the clues of one
    /// of its rules. A rule that has none may be for any.
    pub fn new(hooks: HookSet, rules: impl Iterator<Item = Option<Clues>>) -> Self {
        Self {
            hooks,
            stage: Stage::Any,
            ways: rules.collect(),
        }
    }

    /// As [`new`](Self::new), for one hook in which it does nothing once there is a response, and for no bodies.
    pub fn while_unanswered(hook: Hook, rules: impl Iterator<Item = Option<Clues>>) -> Self {
        Self {
            stage: Stage::Unanswered,
            ..Self::new(HookSet::NONE.with(hook), rules)
        }
    }

    /// As [`new`](Self::new), for a hook in which there is a response, whose head may have the clues, too, and for no bodies.
    pub fn once_answered(hook: Hook, rules: impl Iterator<Item = Option<Clues>>) -> Self {
        Self {
            stage: Stage::Answered,
            ..Self::new(HookSet::NONE.with(hook), rules)
        }
    }
}

/// The gates of a chain.
#[derive(Debug, Default)]
pub(super) struct Gates {
    lookout: Lookout,
    gates: Vec<Placed>,
    /// What opens any of them in a response.
    responses: Option<ResponseLookout>,
}

/// A gate, and what opens it.
#[derive(Debug)]
struct Placed {
    hooks: HookSet,
    bit: u64,
    opens: Sighting,
    /// What opens it in a response.
    response: Option<ResponseLookout>,
}

/// Gates, a bit each: those of any stage by the places of their addons in the chain, above them those of flows without a
/// response, and those of flows with one.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bits(pub(super) u64);

impl Bits {
    /// Addons that can have gates.
    const MOST: usize = 21;

    /// The gate of an addon.
    pub(super) fn one(stage: Stage, place: usize) -> u64 {
        let group = match stage {
            Stage::Any => 0,
            Stage::Unanswered => 1,
            Stage::Answered => 2,
        };
        match place {
            0..Self::MOST => 1 << (group * Self::MOST + place),
            _ => 0,
        }
    }

    /// The addons behind them.
    pub(super) fn addons(self) -> u64 {
        (self.0 | self.0 >> Self::MOST | self.0 >> (2 * Self::MOST)) & ((1 << Self::MOST) - 1)
    }

    /// The addons whose gates are for any stage.
    pub(super) fn addons_at_any(self) -> u64 {
        self.0 & ((1 << Self::MOST) - 1)
    }
}

impl Gates {
    /// Gates with the places of their addons. Those too far behind in the chain have none.
    pub(super) fn new(gates: impl IntoIterator<Item = (usize, Gate)>) -> Self {
        let mut lookout = Lookout::default();
        let gates: Vec<(usize, Gate)> = gates.into_iter().collect();
        let ways = gates
            .iter()
            .flat_map(|(_, gate)| gate.ways.iter().flatten());
        let responses = ResponseLookout::new(ways);
        let gates = gates.into_iter();
        let gates = gates
            .filter(|(place, _)| *place < Bits::MOST)
            .map(|(place, gate)| {
                let sightings = gate.ways.iter().map(|way| lookout.add(way.as_ref()));
                let opens = sightings.fold(Sighting::default(), Sighting::with);
                Placed {
                    hooks: gate.hooks,
                    bit: Bits::one(gate.stage, place),
                    opens,
                    response: ResponseLookout::new(gate.ways.iter().flatten()),
                }
            })
            .collect();
        Self {
            lookout: lookout.ready(),
            gates,
            responses,
        }
    }

    /// The gates of a hook.
    pub(super) fn at(&self, hook: Hook) -> u64 {
        let gates = self.gates.iter().filter(|gate| gate.hooks.contains(hook));
        gates.fold(0, |all, gate| all | gate.bit)
    }

    /// Those of them that a response may open.
    pub(super) fn answered_at(&self, hook: Hook) -> u64 {
        let gates = self.gates.iter();
        let gates = gates.filter(|gate| gate.response.is_some() && gate.hooks.contains(hook));
        gates.fold(0, |all, gate| all | gate.bit)
    }

    /// The gates that stay closed whatever comes after a request, and what was seen in it.
    pub(super) fn closed(&self, request: &LiveRequest) -> (Bits, Sighting) {
        let seen = self.lookout.look(request);
        let gates = self.gates.iter();
        let gates = gates.filter(|gate| gate.response.is_none() && !gate.opens.meets(seen));
        (Bits(gates.fold(0, |all, gate| all | gate.bit)), seen)
    }

    /// Whether a request, in which that was seen, or its response may open any of these gates.
    pub(super) fn may_open(&self, gates: u64, seen: Sighting, flow: &HttpFlow) -> bool {
        let lookout = self.responses.as_ref().zip(flow.response.as_ref());
        let of_these = |gate: &&Placed| gate.bit & gates != 0;
        let mut these = self.gates.iter().filter(of_these);
        these.any(|gate| gate.opens.meets(seen))
            || lookout.is_some_and(|(lookout, response)| lookout.may_see(&response.headers))
    }

    /// Whether neither a request, in which that was seen, nor its response opens the gate with that bit.
    pub(super) fn is_shut(&self, bit: u64, seen: Sighting, flow: &HttpFlow) -> bool {
        let opens = |gate: &Placed| {
            let lookout = gate.response.as_ref().zip(flow.response.as_ref());
            gate.opens.meets(seen)
                || lookout.is_some_and(|(lookout, response)| lookout.may_see(&response.headers))
        };
        !self.gates.iter().any(|gate| gate.bit == bit && opens(gate))
    }
}
