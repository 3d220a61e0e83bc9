//! Histories: a small order as it begins, what is said about it and done with it in which order. Random ones, and ways to
//! make one smaller.

use std::fmt;

use kit::random::Random;
use plugin_api::{Observation, ReturnFact, ReturnKind, ShippedBy, Status};
use statusync::domain::{
    invoice::SequenceKind,
    order::{ItemStatus, OrderStatus, PackageStatus, Stage},
};

/// Steps that every history is given; what it has no step for is a pause.
pub(crate) const STEPS: usize = 6;
/// A step that no history has.
const NEVER: usize = 9;
/// The return id that every fact about a buyer's return names.
const RETURN_ID: &str = "R1";

/// One order's life.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct History {
    pub(crate) shipped_by: ShippedBy,
    /// A series that is missing at first, and the step before which it is defined.
    pub(crate) missing: Option<(SequenceKind, usize)>,
    pub(crate) parcels: Vec<Start>,
    /// Units on hand that are blocked for nobody, of each product.
    pub(crate) free: [i64; 2],
    pub(crate) steps: Vec<Step>,
}

/// Units that begin alike: each by itself, or together in a package.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Start {
    pub(crate) state: State,
    /// The product of each unit: 0 or 1.
    pub(crate) products: Vec<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Loose(ItemStatus),
    Packed(PackageStatus),
}

#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Answer(Vec<Said>),
    /// The oldest putaway of a unit is completed: good or bad.
    PutAway(usize, bool),
    /// A person decides the first conflict that is open: accepts it or keeps our state.
    Decide(bool),
    Pause,
}

/// One fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Said {
    pub(crate) status: Option<Status>,
    pub(crate) kind: Option<ReturnKind>,
    pub(crate) of: Of,
    /// A day of January.
    pub(crate) day: Option<u8>,
}

/// What a fact is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Of {
    Order,
    Unit(usize),
    Product(usize, Option<u32>),
    /// An item that nobody knows here.
    Stranger,
}

impl State {
    /// Whether stock is blocked for such a unit.
    pub(crate) fn is_blocked(self) -> bool {
        match self {
            State::Loose(status) => status == ItemStatus::Fulfillable,
            State::Packed(status) => matches!(status.stage(), Stage::BeforePacked | Stage::Packed),
        }
    }
}

impl History {
    /// The product of each unit, in the order of their numbers.
    pub(crate) fn products(&self) -> Vec<usize> {
        self.parcels.iter().flat_map(|start| start.products.clone()).collect()
    }

    /// The status of the order when it begins.
    pub(crate) fn status(&self) -> OrderStatus {
        let is_cancelled = |start: &Start| start.state == State::Loose(ItemStatus::Cancelled);
        let has_left = |start: &Start| {
            matches!(start.state, State::Packed(PackageStatus::Dispatched | PackageStatus::Delivered))
        };
        if self.parcels.iter().all(is_cancelled) {
            OrderStatus::Cancelled
        } else if self.parcels.iter().all(|start| is_cancelled(start) || has_left(start)) {
            OrderStatus::Complete
        } else {
            OrderStatus::Processing
        }
    }

    /// The history of a seed.
    pub(crate) fn random(seed: u64) -> History {
        let random = &mut Random::of(seed, 0x51);
        let shipped_by = if random.chance(75) { ShippedBy::Channel } else { ShippedBy::Seller };
        let missing = random.chance(20).then(|| {
            let kinds =
                [SequenceKind::SaleInvoice, SequenceKind::ShippingPackage, SequenceKind::SaleReturnInvoice];
            (one_of(random, &kinds), one_of(random, &[1, 2, 3, NEVER]))
        });
        let parcels = parcels(random);
        let count: usize = parcels.iter().map(|start| start.products.len()).sum();
        let free = [i64::from(random.below(3)), i64::from(random.below(2))];
        let facts = facts(random, count, parcels.len() == 1);
        let acts = random.chance(12);
        let mut steps: Vec<Step> = Vec::new();
        for _ in 0..random.between(1, 5) {
            let told =
                |random: &mut Random| (0..random.between(1, 3)).map(|_| one_of(random, &facts)).collect();
            steps.push(match random.below(10) {
                0 => Step::Pause,
                1 | 2 if acts => {
                    Step::PutAway(random.below(u32::try_from(count).unwrap()) as usize, random.chance(70))
                }
                3 | 4 if acts => Step::Decide(random.chance(60)),
                _ => Step::Answer(told(random)),
            });
        }
        History { shipped_by, missing, parcels, free, steps }
    }

    /// Histories with a little less in them.
    pub(crate) fn smaller(&self) -> Vec<History> {
        let with = |change: &dyn Fn(&mut History)| {
            let mut copy = self.clone();
            change(&mut copy);
            copy
        };
        let mut all = Vec::new();
        for place in 0..self.steps.len() {
            all.push(with(&|h| drop(h.steps.remove(place))));
            if let Step::Answer(facts) = &self.steps[place] {
                for fact in 0..facts.len() {
                    all.push(with(&|h| match &mut h.steps[place] {
                        Step::Answer(facts) if facts.len() > 1 => drop(facts.remove(fact)),
                        _ => {}
                    }));
                    all.push(with(&|h| {
                        if let Step::Answer(facts) = &mut h.steps[place] {
                            facts[fact].of = Of::Order;
                        }
                    }));
                }
            }
        }
        all.push(with(&|h| h.missing = None));
        all.push(with(&|h| h.shipped_by = ShippedBy::Channel));
        all.push(with(&|h| h.free = [0, 0]));
        all.push(with(&|h| {
            for step in &mut h.steps {
                if let Step::Answer(facts) = step {
                    for fact in facts {
                        fact.day = None;
                    }
                }
            }
        }));
        // The last units of the last package: what is said about them is dropped with them.
        let count = self.products().len();
        if count > 1 {
            all.push(with(&|h| {
                let last = h.parcels.last_mut().unwrap();
                last.products.pop();
                if last.products.is_empty() {
                    h.parcels.pop();
                }
                for step in &mut h.steps {
                    if let Step::Answer(facts) = step {
                        facts.retain(|fact| fact.of != Of::Unit(count - 1));
                    }
                }
                h.steps.retain(|step| {
                    *step != Step::Answer(Vec::new())
                        && !matches!(step, Step::PutAway(unit, _) if *unit == count - 1)
                });
            }));
        }
        all.retain(|smaller| smaller != self);
        all
    }
}

fn one_of<T: Copy>(random: &mut Random, things: &[T]) -> T {
    things[random.below(u32::try_from(things.len()).unwrap()) as usize]
}

fn parcels(random: &mut Random) -> Vec<Start> {
    use ItemStatus as I;
    use PackageStatus as P;
    let loose = [I::Created, I::Unfulfillable, I::Fulfillable, I::LocationNotServiceable];
    let packed = [
        P::Created,
        P::LocationNotServiceable,
        P::Picking,
        P::Picked,
        P::Packed,
        P::ReadyToShip,
        P::Manifested,
        P::Dispatched,
        P::Delivered,
    ];
    let mut left = random.between(1, 3);
    let mut parcels = Vec::new();
    while left > 0 {
        let count = random.between(1, left);
        left -= count;
        let state = match random.below(10) {
            0 => State::Loose(I::Cancelled),
            1..4 => State::Loose(one_of(random, &loose)),
            _ => State::Packed(one_of(random, &packed)),
        };
        let products = (0..count).map(|_| usize::from(random.chance(30))).collect();
        parcels.push(Start { state, products });
    }
    parcels
}

/// The facts that one history draws from.
fn facts(random: &mut Random, count: usize, alike: bool) -> Vec<Said> {
    use Status as S;
    let forward = [
        (S::Dispatched, 8),
        (S::Complete, 2),
        (S::InTransit, 3),
        (S::OutForDelivery, 2),
        (S::Undelivered, 1),
        (S::Lost, 1),
        (S::Delivered, 6),
        (S::Cancelled, 9),
        (S::Created, 2),
        (S::Packed, 1),
        (S::ReadyToShip, 1),
        (S::Unmapped, 1),
    ];
    let undelivered = [(S::CourierReturn, 3), (S::RtoInitiated, 2), (S::RtoDelivered, 2), (S::Returned, 2)];
    let by_buyer = [(S::ReturnRequested, 3), (S::Returned, 4), (S::ReturnCancelled, 2)];
    // Either by name or by count: what "two of three" means beside a name is left to other tests, and so is which two of
    // three a buyer sends back.
    let counts = alike && random.chance(60);
    let back = one_of(random, &[None, Some(ReturnKind::Rto), Some(ReturnKind::Cir)])
        .filter(|kind| !(counts && *kind == ReturnKind::Cir));
    let words: Vec<(Status, u32)> = match back {
        None => forward.to_vec(),
        Some(ReturnKind::Rto) => [&forward[..], &undelivered].concat(),
        Some(ReturnKind::Cir) => [&forward[..], &by_buyer].concat(),
    };
    let timed = random.chance(60);
    (0..random.between(2, 5))
        .map(|_| {
            let status = random.pick(&words).filter(|_| random.chance(97));
            let unit = random.below(u32::try_from(count).unwrap()) as usize;
            let of = match random.below(20) {
                0 => Of::Stranger,
                _ if counts => Of::Product(0, random.chance(80).then(|| random.between(0, 3))),
                1..9 => Of::Order,
                _ => Of::Unit(unit),
            };
            let returns = undelivered.iter().chain(&by_buyer).any(|(word, _)| Some(*word) == status);
            let day = timed.then(|| u8::try_from(random.between(2, 18)).unwrap());
            Said { status, kind: back.filter(|_| returns), of, day }
        })
        .collect()
}

impl Said {
    /// The fact as a connector would report it about an order.
    pub(crate) fn observation(&self, order: &str) -> Observation {
        let raw = self.status.map_or("no news", Status::as_str);
        let mut seen = Observation::new(order, self.status, raw);
        match self.of {
            Of::Order => {}
            Of::Unit(unit) => seen.item = Some((unit + 1).to_string()),
            Of::Product(product, quantity) => {
                seen.sku = Some(format!("{order}-{product}"));
                seen.quantity = quantity;
            }
            Of::Stranger => seen.item = Some("99".to_owned()),
        }
        // 2026-01-01T00:00:00Z is 1 767 225 600 s.
        seen.at = self.day.map(|day| (1_767_225_600 + (i64::from(day) - 1) * 86_400) * 1_000);
        seen.ret = self.kind.map(|kind| ReturnFact {
            id: (kind == ReturnKind::Cir).then(|| RETURN_ID.to_owned()),
            kind: Some(kind),
            ..ReturnFact::default()
        });
        seen
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.status.map_or("no news", Status::as_str))?;
        if let Some(kind) = self.kind {
            write!(f, " {}", kind.as_str())?;
        }
        match self.of {
            Of::Order => write!(f, " of the order")?,
            Of::Unit(unit) => write!(f, " of unit {}", unit + 1)?,
            Of::Product(product, None) => write!(f, " of product {product}")?,
            Of::Product(product, Some(quantity)) => write!(f, " of {quantity} of product {product}")?,
            Of::Stranger => write!(f, " of an unknown item")?,
        }
        self.day.map_or(Ok(()), |day| write!(f, " on day {day}"))
    }
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut unit = 0;
        for start in &self.parcels {
            let state = match start.state {
                State::Loose(status) => format!("in no package, {status}"),
                State::Packed(status) => format!("in a package, {status}"),
            };
            let units: Vec<String> = start
                .products
                .iter()
                .map(|product| {
                    unit += 1;
                    format!("unit {unit} (product {product})")
                })
                .collect();
            writeln!(f, "  begins: {} {state}", units.join(", "))?;
        }
        writeln!(f, "  the {} ships; free stock {:?}", self.shipped_by.as_str().to_lowercase(), self.free)?;
        for (place, step) in self.steps.iter().enumerate() {
            if let Some((kind, at)) = self.missing
                && at == place
            {
                writeln!(f, "     series {kind} is defined")?;
            }
            let text = match step {
                Step::Answer(facts) => {
                    facts.iter().map(ToString::to_string).collect::<Vec<_>>().join("  +  ")
                }
                Step::PutAway(unit, good) => {
                    format!("(putaway of unit {}: {})", unit + 1, if *good { "good" } else { "bad" })
                }
                Step::Decide(accept) => {
                    format!("(the first open conflict: {})", if *accept { "accepted" } else { "kept" })
                }
                Step::Pause => "(nothing)".to_owned(),
            };
            writeln!(f, "  {}. {text}", place + 1)?;
        }
        match self.missing {
            Some((kind, NEVER)) => writeln!(f, "     series {kind} is never defined"),
            Some((kind, at)) if at >= self.steps.len() => {
                writeln!(f, "     series {kind} is defined in the end")
            }
            _ => Ok(()),
        }
    }
}
