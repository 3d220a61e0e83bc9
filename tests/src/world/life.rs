//! What can happen to a parcel, and the scripts that let it happen.

use super::{Canceller, Fulfilment, Order, Profile, Return, ReturnKind, ReturnStage, Stage, World};
use crate::random::Random;

/// How a parcel's life goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Life {
    /// Delivered and kept.
    Delivered,
    /// Nobody ever packs it.
    Forgotten,
    /// Cancelled whole before it is packed.
    CancelledUnpacked,
    /// Cancelled whole after it is packed.
    CancelledPacked,
    /// Some of it is cancelled, the rest delivered.
    CancelledInPart,
    /// The buyer asks for a cancellation in vain; delivered.
    CancelAsked,
    /// Refused, and back at the seller in the end.
    Refused,
    /// Refused, tried again, delivered.
    Reattempted,
    /// Delivered, and some of it sent back by the buyer.
    SentBack,
    /// Delivered; the buyer asks for a return and withdraws it.
    ReturnWithdrawn,
    /// Lost on the way.
    Lost,
    /// Delivered, after its first label was taken back.
    Relabelled,
}

/// One step of a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// The order may be packed from now on.
    Unhold,
    /// A parcel reaches a stage.
    Reach(u8, Stage),
    /// A parcel is cancelled whole.
    Cancel(u8, Canceller),
    /// Units of a line are cancelled.
    CancelUnits(u8, u32, Canceller),
    /// The buyer asks for a cancellation.
    AskCancel,
    /// The buyer opens a return of units of a line.
    OpenReturn(u8, u32),
    /// The buyer's returns of a line reach a stage.
    ReachReturn(u8, ReturnStage),
}

/// The script of one parcel, hours counted from the time its order may be packed.
///
/// A buyer's return comes at least three days after the delivery: whoever looks once a day has seen the delivery by then.
pub(super) fn script(profile: &Profile, order: &Order, parcel: u8, random: &mut Random) -> Vec<(u32, Act)> {
    let life = match order.fulfilment {
        Fulfilment::Channel => random.pick(profile.lives),
        Fulfilment::Seller | Fulfilment::Marketplace => random.pick(SELLER_LIVES),
    };
    let canceller = random.pick(CANCELLERS).unwrap_or(Canceller::Buyer);
    let road = Road::draw(parcel, order.fulfilment != Fulfilment::Channel, random);
    let lines: Vec<(u8, u32)> = (0_u8..)
        .zip(&order.lines)
        .filter(|(_, line)| line.parcel == parcel)
        .map(|(k, line)| (k, line.ordered))
        .collect();
    match life.unwrap_or(Life::Delivered) {
        Life::Forgotten => Vec::new(),
        Life::Delivered => road.to_the_door(Stage::Delivered),
        Life::CancelledUnpacked => vec![(random.between(1, 30), Act::Cancel(parcel, canceller))],
        Life::CancelledPacked => {
            let mut steps = road.in_warehouse();
            steps.push((road.ready + random.between(0, 6), Act::Cancel(parcel, canceller)));
            steps
        }
        Life::CancelledInPart => {
            let hour = if random.chance(60) { random.between(1, road.packed) } else { road.ready };
            match part_cancel(profile, &lines, random) {
                Some((part, units)) => {
                    let mut steps = road.to_the_door(Stage::Delivered);
                    steps.push((hour, Act::CancelUnits(part, units, canceller)));
                    steps
                }
                // One unit in all: there is no part of it.
                None => vec![(hour, Act::Cancel(parcel, canceller))],
            }
        }
        Life::CancelAsked => {
            let mut steps = road.to_the_door(Stage::Delivered);
            steps.push((road.ready, Act::AskCancel));
            steps
        }
        Life::Refused => {
            let mut steps = road.to_the_door(Stage::RtoInitiated);
            steps.push((road.door + random.between(6, 24), Act::Reach(parcel, Stage::RtoInTransit)));
            steps.push((road.door + random.between(36, 96), Act::Reach(parcel, Stage::RtoDelivered)));
            steps
        }
        Life::Reattempted => {
            let mut steps = road.to_the_door(Stage::RtoInitiated);
            steps.push((road.door + random.between(24, 40), Act::Reach(parcel, Stage::Delivered)));
            steps
        }
        Life::SentBack => sent_back(profile, &road, &lines, true, random),
        Life::ReturnWithdrawn => sent_back(profile, &road, &lines, false, random),
        Life::Relabelled => {
            let mut steps = road.to_the_door(Stage::Delivered);
            steps.insert(2, (road.ready, Act::Reach(parcel, Stage::LabelWithdrawn)));
            steps.insert(3, (road.ready + 1, Act::Reach(parcel, Stage::Packed)));
            steps
        }
        Life::Lost => {
            let mut steps = road.to_the_van();
            steps.pop();
            steps.push((road.van, Act::Reach(parcel, Stage::Lost)));
            steps
        }
    }
}

const SELLER_LIVES: &[(Life, u32)] =
    &[(Life::Delivered, 80), (Life::CancelledUnpacked, 8), (Life::CancelledPacked, 6), (Life::Forgotten, 6)];
const CANCELLERS: &[(Canceller, u32)] =
    &[(Canceller::Buyer, 60), (Canceller::Seller, 25), (Canceller::Marketplace, 15)];

/// The hours of a parcel's way to the buyer.
struct Road {
    parcel: u8,
    packed: u32,
    ready: u32,
    /// `None` if nobody notes the pickup itself.
    picked: Option<u32>,
    moving: u32,
    van: u32,
    door: u32,
}

impl Road {
    fn draw(parcel: u8, skips_pickup: bool, random: &mut Random) -> Self {
        let packed = random.between(1, 12);
        let ready = packed + random.between(0, 4);
        let pickup = ready + random.between(2, 12);
        let moving = pickup + random.between(1, 12);
        let van = moving + random.between(12, 48);
        let noted = (!skips_pickup && !random.chance(20)).then_some(pickup);
        Road { parcel, packed, ready, picked: noted, moving, van, door: van + random.between(2, 8) }
    }

    fn in_warehouse(&self) -> Vec<(u32, Act)> {
        let reach = |hour, stage| (hour, Act::Reach(self.parcel, stage));
        vec![reach(self.packed, Stage::Packed), reach(self.ready, Stage::Ready)]
    }

    fn to_the_van(&self) -> Vec<(u32, Act)> {
        let reach = |hour, stage| (hour, Act::Reach(self.parcel, stage));
        let mut steps = self.in_warehouse();
        steps.extend(self.picked.map(|hour| reach(hour, Stage::PickedUp)));
        steps.push(reach(self.moving, Stage::InTransit));
        steps.push(reach(self.van, Stage::OutForDelivery));
        steps
    }

    /// All the way, ending in what happens at the buyer's door.
    fn to_the_door(&self, end: Stage) -> Vec<(u32, Act)> {
        let mut steps = self.to_the_van();
        steps.push((self.door, Act::Reach(self.parcel, end)));
        steps
    }
}

/// A delivery, and a buyer's return of a line, of some of its units, or of the whole parcel, which comes back or is
/// withdrawn.
fn sent_back(
    profile: &Profile,
    road: &Road,
    lines: &[(u8, u32)],
    comes_back: bool,
    random: &mut Random,
) -> Vec<(u32, Act)> {
    let mut steps = road.to_the_door(Stage::Delivered);
    let open = road.door + random.between(72, 120);
    let any: Vec<_> = lines.iter().map(|&line| (line, 1)).collect();
    let Some((line, ordered)) = random.pick(&any) else { return steps };
    let units = if random.chance(50) { ordered } else { random.between(1, ordered) };
    let back = if profile.orders_are_whole { lines } else { &[(line, units)] };
    let mut all = |hour, act: fn(u8, u32) -> Act| {
        steps.extend(back.iter().map(|&(line, units)| (hour, act(line, units))));
    };
    all(open, Act::OpenReturn);
    if comes_back {
        let moving = open + random.between(12, 36);
        all(moving, |line, _| Act::ReachReturn(line, ReturnStage::InTransit));
        let back_at = moving + random.between(24, 60);
        all(back_at, |line, _| Act::ReachReturn(line, ReturnStage::Completed));
    } else {
        let withdrawn = open + random.between(24, 48);
        all(withdrawn, |line, _| Act::ReachReturn(line, ReturnStage::Cancelled));
    }
    steps
}

/// A part of a parcel: a line and units of it; `None` if the parcel is one unit, or goes whole.
fn part_cancel(profile: &Profile, lines: &[(u8, u32)], random: &mut Random) -> Option<(u8, u32)> {
    if profile.orders_are_whole {
        return None;
    }
    if profile.cancels_units
        && let Some(&(line, ordered)) = lines.iter().find(|&&(_, ordered)| ordered > 1)
    {
        return Some((line, random.between(1, ordered - 1)));
    }
    (lines.len() > 1).then(|| lines[random.below(u32::try_from(lines.len()).unwrap_or(1)) as usize])
}

impl World {
    /// Carries out one step. A parcel that is cancelled, or a step that the state no longer allows, stays as it is.
    pub(super) fn act(&mut self, index: u32, act: Act, at: i64) {
        let order = &mut self.orders[index as usize];
        match act {
            Act::Unhold => {
                order.hold = false;
                for parcel in (0_u8..).take(self.orders[index as usize].parcels.len()) {
                    self.touch(index, parcel, at);
                }
            }
            Act::AskCancel => {
                order.cancel_requested = true;
                self.touch(index, 0, at);
            }
            Act::Reach(parcel, stage) => self.reach(index, parcel, stage, at),
            Act::Cancel(parcel, canceller) => {
                for line in order
                    .lines
                    .iter_mut()
                    .filter(|line| line.parcel == parcel && line.cancelled < line.ordered)
                {
                    line.cancelled = line.ordered;
                    line.canceller = Some(canceller);
                }
                self.cancel_stamp(index, parcel, at);
            }
            Act::CancelUnits(line, units, canceller) => {
                let line = &mut order.lines[usize::from(line)];
                line.cancelled = (line.cancelled + units).min(line.ordered);
                line.canceller = Some(canceller);
                let parcel = line.parcel;
                self.cancel_stamp(index, parcel, at);
            }
            Act::OpenReturn(line, quantity) => self.open_return(index, line, quantity, ReturnKind::Cir, at),
            Act::ReachReturn(line, stage) => {
                self.reach_returns(index, ReturnKind::Cir, at, stage, |row| row.line == line);
                let parcel = self.orders[index as usize].lines[usize::from(line)].parcel;
                self.touch(index, parcel, at);
            }
        }
    }

    fn reach(&mut self, index: u32, k: u8, stage: Stage, at: i64) {
        let order = &mut self.orders[index as usize];
        if order.is_cancelled(usize::from(k)) {
            return;
        }
        let number = number(self.seed, index);
        let parcel = &mut order.parcels[usize::from(k)];
        if parcel.stage == Stage::LabelWithdrawn {
            parcel.awb = parcel.awb.take().map(|awb| awb + "N");
        }
        parcel.stage = stage;
        if stage >= Stage::Packed && parcel.awb.is_none() && order.fulfilment == Fulfilment::Channel {
            parcel.awb = Some((self.profile.awb)(number, u64::from(k)));
        }
        if stage >= Stage::PickedUp {
            parcel.picked_up_at.get_or_insert(at);
        }
        let living: Vec<(u8, u32)> = (0_u8..)
            .zip(&order.lines)
            .filter(|(_, line)| line.parcel == k && line.living() > 0)
            .map(|(l, line)| (l, line.living()))
            .collect();
        match stage {
            Stage::RtoInitiated => {
                for (line, units) in living {
                    self.open_return(index, line, units, ReturnKind::Rto, at);
                }
                self.cancel_stamp(index, k, at);
            }
            Stage::RtoInTransit | Stage::RtoDelivered | Stage::Delivered => {
                let reached = match stage {
                    Stage::RtoInTransit => ReturnStage::InTransit,
                    Stage::RtoDelivered => ReturnStage::Completed,
                    // Tried again with success: nothing comes back.
                    _ => ReturnStage::Cancelled,
                };
                self.reach_returns(index, ReturnKind::Rto, at, reached, |row| {
                    living.iter().any(|&(l, _)| l == row.line)
                });
                self.touch(index, k, at);
            }
            _ => self.touch(index, k, at),
        }
    }

    fn open_return(&mut self, index: u32, line: u8, quantity: u32, kind: ReturnKind, at: i64) {
        let number = number(self.seed, index);
        let order = &mut self.orders[index as usize];
        let parcel = order.lines[usize::from(line)].parcel;
        let quantity = quantity.min(order.lines[usize::from(line)].living());
        let place = u8::try_from(order.returns.len()).unwrap_or(u8::MAX);
        let id = (self.profile.return_id)(number, u64::from(place));
        self.by_id.insert(id.clone(), (index, place));
        self.returns_by_update.insert((at, (index, place)));
        let awb = format!("{}R{place}", (self.profile.awb)(number, u64::from(parcel)));
        self.by_id.insert(awb.clone(), (index, place));
        let stage = ReturnStage::Created;
        order.returns.push(Return { id, kind, stage, line, quantity, awb, created_at: at, updated_at: at });
        self.touch(index, parcel, at);
    }

    fn reach_returns(
        &mut self,
        index: u32,
        kind: ReturnKind,
        at: i64,
        stage: ReturnStage,
        of: impl Fn(&Return) -> bool,
    ) {
        let order = &mut self.orders[index as usize];
        for (place, row) in (0_u8..).zip(&mut order.returns) {
            if row.kind == kind && of(row) {
                self.returns_by_update.remove(&(row.updated_at, (index, place)));
                self.returns_by_update.insert((at, (index, place)));
                row.stage = stage;
                row.updated_at = at;
            }
        }
    }

    fn cancel_stamp(&mut self, index: u32, k: u8, at: i64) {
        let parcel = &mut self.orders[index as usize].parcels[usize::from(k)];
        if let Some(before) = parcel.cancelled_at.replace(at) {
            self.parcels_by_cancel.remove(&(before, (index, k)));
        }
        self.parcels_by_cancel.insert((at, (index, k)));
        self.touch(index, k, at);
    }

    fn touch(&mut self, index: u32, k: u8, at: i64) {
        let order = &mut self.orders[index as usize];
        let parcel = &mut order.parcels[usize::from(k)];
        self.parcels_by_change.remove(&(parcel.changed_at, (index, k)));
        self.parcels_by_change.insert((at, (index, k)));
        parcel.changed_at = at;
        order.changed_at = at;
    }
}

/// The number that an order's ids are made from: no two seeds below 900 share any.
pub(super) fn number(seed: u64, index: u32) -> u64 {
    (seed % 900 + 100) * 1_000_000 + u64::from(index)
}
