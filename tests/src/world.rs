//! Orders that live: what truly happened at a marketplace, whatever its API says about it.
//!
//! A world is made from a seed. Every order has lines, one or more parcels, and a script of steps at virtual hours;
//! [`World::advance`] carries out what is due and stamps it with the time it is given. Ids and the mix of lives come
//! from a [`Profile`], so a world knows nothing of any marketplace; how its facts look on the wire is the simulators'
//! business.

mod life;
pub mod snapshot;
mod truth;

use std::collections::{BTreeSet, HashMap};

pub use life::{Act, Life};
pub use truth::{OrderTruth, ParcelTruth, ReturnTruth, Sight, Truth, UnitCounts};

use crate::random::Random;

/// Who brings an order to the buyer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fulfilment {
    /// From the seller's warehouse by the marketplace's courier.
    Channel,
    /// By the seller.
    Seller,
    /// From the marketplace's own warehouse.
    Marketplace,
}

/// Where a parcel is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Ordered; nothing done.
    Approved,
    /// Packed: label and courier number exist.
    Packed,
    /// The label was taken back; it will be packed again under a new courier number.
    LabelWithdrawn,
    /// Pickup was asked for.
    Ready,
    /// The courier has it.
    PickedUp,
    /// On its way.
    InTransit,
    /// On the delivery van.
    OutForDelivery,
    /// The buyer has it.
    Delivered,
    /// The courier lost it.
    Lost,
    /// Refused or undeliverable.
    RtoInitiated,
    /// On its way back.
    RtoInTransit,
    /// Back at the seller.
    RtoDelivered,
}

/// Who cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Canceller {
    /// The buyer.
    Buyer,
    /// The seller.
    Seller,
    /// The marketplace.
    Marketplace,
}

/// One line of an order: some units of one SKU, going in one parcel.
#[derive(Clone, Debug)]
pub struct Line {
    /// The marketplace's item id.
    pub id: String,
    /// The seller's SKU; no two lines of an order share one.
    pub sku: String,
    /// Index of its parcel.
    pub parcel: u8,
    /// Units ordered.
    pub ordered: u32,
    /// Units cancelled so far.
    pub cancelled: u32,
    /// Who cancelled, if somebody did.
    pub canceller: Option<Canceller>,
}

impl Line {
    /// Units that are not cancelled.
    pub fn living(&self) -> u32 {
        self.ordered - self.cancelled
    }
}

/// Goods that travel together.
#[derive(Clone, Debug)]
pub struct Parcel {
    /// The marketplace's package id.
    pub id: String,
    /// Where it is. A parcel whose units are all cancelled keeps the stage it had.
    pub stage: Stage,
    /// The courier's number, from packing on.
    pub awb: Option<String>,
    /// When anything about it last changed, ms UTC.
    pub changed_at: i64,
    /// When the courier got it, ms UTC.
    pub picked_up_at: Option<i64>,
    /// When something in it was last cancelled, or when it turned back, ms UTC.
    pub cancelled_at: Option<i64>,
    /// Random bits for the small differences that real data has.
    pub quirks: u32,
}

impl Parcel {
    /// A difference that every second parcel has; `bit` from 0 to 31 tells differences apart.
    pub fn quirk(&self, bit: u32) -> bool {
        (self.quirks >> bit).is_multiple_of(2)
    }

    /// A difference that every eighth parcel has; it takes three bits from `bit` on.
    pub fn rare(&self, bit: u32) -> bool {
        (self.quirks >> bit).is_multiple_of(8)
    }
}

/// The kind of a return.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReturnKind {
    /// Undelivered, comes back whole.
    Rto,
    /// The buyer sends it back.
    Cir,
}

/// How far a return is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReturnStage {
    /// Opened.
    Created,
    /// On its way to the seller.
    InTransit,
    /// At the seller.
    Completed,
    /// Withdrawn; the goods stay with the buyer.
    Cancelled,
}

/// A return of some units of one line.
#[derive(Clone, Debug)]
pub struct Return {
    /// The marketplace's return id.
    pub id: String,
    /// Its kind.
    pub kind: ReturnKind,
    /// How far it is.
    pub stage: ReturnStage,
    /// Index of the line.
    pub line: u8,
    /// Units.
    pub quantity: u32,
    /// The courier's number of the way back.
    pub awb: String,
    /// When it was opened, ms UTC.
    pub created_at: i64,
    /// When it last changed, ms UTC.
    pub updated_at: i64,
}

/// One order.
#[derive(Clone, Debug)]
pub struct Order {
    /// The marketplace's order id.
    pub id: String,
    /// Its number in this world, from 0.
    pub index: u32,
    /// Who ships it.
    pub fulfilment: Fulfilment,
    /// When it was placed, ms UTC.
    pub created_at: i64,
    /// When anything about it last changed, ms UTC.
    pub changed_at: i64,
    /// Not to be packed yet: held, or the payment is pending.
    pub hold: bool,
    /// The buyer has asked for a cancellation that nobody has granted.
    pub cancel_requested: bool,
    /// Its lines.
    pub lines: Vec<Line>,
    /// Its parcels.
    pub parcels: Vec<Parcel>,
    /// Its returns, in the order they were opened.
    pub returns: Vec<Return>,
}

impl Order {
    /// The lines of one parcel, with their indices.
    pub fn lines_of(&self, parcel: usize) -> impl Iterator<Item = (usize, &Line)> {
        self.lines.iter().enumerate().filter(move |(_, line)| usize::from(line.parcel) == parcel)
    }

    /// Whether nothing of a parcel is left to send.
    pub fn is_cancelled(&self, parcel: usize) -> bool {
        self.lines_of(parcel).all(|(_, line)| line.living() == 0)
    }

    /// Units of a line in buyers' returns, and units of it that came back so.
    pub fn returned(&self, line: usize) -> (u32, u32) {
        let mut units = (0, 0);
        for row in
            self.returns.iter().filter(|row| row.kind == ReturnKind::Cir && usize::from(row.line) == line)
        {
            match row.stage {
                ReturnStage::Created | ReturnStage::InTransit => units.0 += row.quantity,
                ReturnStage::Completed => {
                    units.0 += row.quantity;
                    units.1 += row.quantity;
                }
                ReturnStage::Cancelled => {}
            }
        }
        units
    }
}

/// What a marketplace's world is made of.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each tells a trait that marketplaces have or lack by itself"
)]
pub struct Profile {
    /// The connector that serves it.
    pub connector: &'static str,
    /// The code of its channel.
    pub channel: &'static str,
    /// The code of the facility that its orders go out from.
    pub facility: &'static str,
    /// What the seller's number series for it have in their prefixes.
    pub series: &'static str,
    /// Who ships, by weight.
    pub fulfilments: &'static [(Fulfilment, u32)],
    /// Lives of channel-shipped parcels, by weight.
    pub lives: &'static [(Life, u32)],
    /// Of orders with several lines, how many of 100 go in two parcels.
    pub split_percent: u32,
    /// Units that a line has at most.
    pub units_a_line: u32,
    /// Whether an order has one status for all that is in it: it goes in one parcel, and is cancelled and sent back whole.
    pub orders_are_whole: bool,
    /// Whether single units of a line can be cancelled; else whole lines only.
    pub cancels_units: bool,
    /// Whether sellers know the marketplace's package ids from packing on.
    pub names_packages: bool,
    /// Whether statuses of orders that the marketplace does not ship are followed at all.
    pub follows_seller_shipped: bool,
    /// The id of order `n`.
    pub order_id: fn(u64) -> String,
    /// The id of line `k` of order `n`.
    pub item_id: fn(u64, u64) -> String,
    /// The id of parcel `k` of order `n`.
    pub parcel_id: fn(u64, u64) -> String,
    /// The courier's number of parcel `k` of order `n`.
    pub awb: fn(u64, u64) -> String,
    /// The id of return `k` of order `n`.
    pub return_id: fn(u64, u64) -> String,
}

/// A place in a world: an order and one of its parcels (or, for returns, one of its returns).
pub type Row = (u32, u8);

/// All orders of one marketplace account.
#[derive(Debug)]
pub struct World {
    /// What it was made of.
    pub profile: &'static Profile,
    /// The seed it was made from.
    pub seed: u64,
    /// The virtual hour, from 0.
    pub hour: u32,
    /// Rises with every change; whoever keeps a list of rows can tell that it is old.
    pub version: u64,
    orders: Vec<Order>,
    agenda: Vec<(u32, u32, Act)>,
    done: usize,
    by_id: HashMap<String, Row>,
    parcels_by_change: BTreeSet<(i64, Row)>,
    parcels_by_cancel: BTreeSet<(i64, Row)>,
    parcels_by_creation: Vec<(i64, Row)>,
    returns_by_update: BTreeSet<(i64, Row)>,
}

/// Which index of rows to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// Parcels, by the time of their last change.
    Change,
    /// Parcels, by the time their order was placed.
    Creation,
    /// Parcels, by the time something in them was cancelled.
    Cancel,
    /// Returns, by the time of their last change.
    ReturnUpdate,
}

const SKUS: u32 = 48;
/// Eight products in six sizes or colours each.
const PRODUCTS: [(&str, [&str; 6]); 8] = [
    ("KURTA-INDIGO", ["XS", "S", "M", "L", "XL", "XXL"]),
    ("SAREE-BANARASI", ["RED", "TEAL", "GOLD", "PLUM", "MINT", "NAVY"]),
    ("JUTTI-TAN", ["36", "37", "38", "39", "40", "41"]),
    ("TEE-COTTON", ["XS", "S", "M", "L", "XL", "XXL"]),
    ("BACKPACK-25L", ["BLACK", "OLIVE", "GREY", "RUST", "BLUE", "SAND"]),
    ("BOTTLE-STEEL", ["500", "600", "750", "900", "1000", "1500"]),
    ("BEDSHEET-AJRAKH", ["SINGLE", "DOUBLE", "QUEEN", "KING", "CRIB", "DIWAN"]),
    ("EARBUDS-PRO", ["BLACK", "WHITE", "BLUE", "ROSE", "LIME", "GREY"]),
];
/// Orders were placed during this many hours before the world begins.
const PLACED_WITHIN_HOURS: u32 = 24;
const HOUR_MS: i64 = 3_600_000;

/// A product's code; `number` is below [`SKUS`].
fn sku(number: u32) -> String {
    let (product, kinds) = PRODUCTS[(number / 6) as usize];
    format!("{product}-{}", kinds[(number % 6) as usize])
}

impl World {
    /// A world at hour 0, which is `now` (ms UTC): orders are placed, nothing is packed.
    pub fn new(profile: &'static Profile, seed: u64, orders: u32, now: i64) -> Self {
        let mut world = World {
            profile,
            seed,
            hour: 0,
            version: 0,
            orders: Vec::with_capacity(orders as usize),
            agenda: Vec::new(),
            done: 0,
            by_id: HashMap::new(),
            parcels_by_change: BTreeSet::new(),
            parcels_by_cancel: BTreeSet::new(),
            parcels_by_creation: Vec::new(),
            returns_by_update: BTreeSet::new(),
        };
        for index in 0..orders {
            world.place(index, now);
        }
        world.agenda.sort_by_key(|&(hour, ..)| hour);
        world.parcels_by_creation.sort_unstable();
        world
    }

    /// The orders.
    pub fn orders(&self) -> &[Order] {
        &self.orders
    }

    /// One order; `index` must be one of this world's.
    pub fn order(&self, index: u32) -> &Order {
        &self.orders[index as usize]
    }

    /// Finds an order, line, parcel or return by its id.
    pub fn find(&self, id: &str) -> Option<Row> {
        self.by_id.get(id).copied()
    }

    /// The rows of an index from one time to another (ms UTC, both included), oldest first.
    pub fn between(&self, by: By, from: i64, to: i64) -> Vec<Row> {
        if from > to {
            return Vec::new();
        }
        let range = (from, (0, 0))..=(to, (u32::MAX, u8::MAX));
        let of = |set: &BTreeSet<(i64, Row)>| set.range(range.clone()).map(|&(_, row)| row).collect();
        match by {
            By::Change => of(&self.parcels_by_change),
            By::Cancel => of(&self.parcels_by_cancel),
            By::ReturnUpdate => of(&self.returns_by_update),
            By::Creation => {
                let start = self.parcels_by_creation.partition_point(|&(at, _)| at < from);
                let end = self.parcels_by_creation.partition_point(|&(at, _)| at <= to);
                self.parcels_by_creation[start..end].iter().map(|&(_, row)| row).collect()
            }
        }
    }

    /// Lets `hours` pass: carries out the steps that are due, in their order, each stamped `at` (ms UTC). Returns how many.
    pub fn advance(&mut self, hours: u32, at: i64) -> usize {
        self.hour = self.hour.saturating_add(hours);
        let first = self.done;
        while let Some(&(hour, order, act)) = self.agenda.get(self.done) {
            if hour > self.hour {
                break;
            }
            self.done += 1;
            self.act(order, act, at);
        }
        let count = self.done - first;
        self.version += u64::from(count > 0);
        count
    }

    /// Steps that are still to come.
    pub fn steps_left(&self) -> usize {
        self.agenda.len() - self.done
    }

    fn place(&mut self, index: u32, now: i64) {
        let profile = self.profile;
        let random = &mut Random::of(self.seed, u64::from(index));
        let n = life::number(self.seed, index);
        let fulfilment = random.pick(profile.fulfilments).unwrap_or(Fulfilment::Channel);
        let created_at = now - i64::from(random.below(PLACED_WITHIN_HOURS * 60)) * HOUR_MS / 60;

        let line_count = random.pick(&[(1_u32, 60), (2, 28), (3, 12)]).unwrap_or(1);
        let in_two = line_count > 1 && random.chance(profile.split_percent) && !profile.orders_are_whole;
        let first_sku = random.below(SKUS);
        let lines: Vec<Line> = (0..line_count)
            .map(|k| Line {
                id: (profile.item_id)(n, u64::from(k)),
                sku: sku((first_sku + k * 7) % SKUS),
                parcel: u8::from(in_two && k == line_count - 1),
                ordered: random.pick(&[(1, 70), (2, 22), (3, 8)]).unwrap_or(1).min(profile.units_a_line),
                cancelled: 0,
                canceller: None,
            })
            .collect();
        let parcels = (0..=u8::from(in_two)).map(|k| Parcel {
            id: (profile.parcel_id)(n, u64::from(k)),
            stage: Stage::Approved,
            awb: None,
            changed_at: created_at,
            picked_up_at: None,
            cancelled_at: None,
            quirks: random.below(u32::MAX),
        });
        let parcels: Vec<Parcel> = parcels.collect();
        let id = (profile.order_id)(n);

        self.by_id.insert(id.clone(), (index, 0));
        for line in &lines {
            self.by_id.insert(line.id.clone(), (index, line.parcel));
        }
        for (k, parcel) in (0_u8..).zip(&parcels) {
            self.by_id.insert(parcel.id.clone(), (index, k));
            self.parcels_by_change.insert((created_at, (index, k)));
            self.parcels_by_creation.push((created_at, (index, k)));
        }
        let hold = fulfilment == Fulfilment::Channel && random.chance(4);
        let order = Order {
            id,
            index,
            fulfilment,
            created_at,
            changed_at: created_at,
            hold,
            cancel_requested: false,
            lines,
            parcels,
            returns: Vec::new(),
        };
        let start = if hold { random.between(2, 20) } else { 0 };
        if hold {
            self.agenda.push((start, index, Act::Unhold));
        }
        for k in (0_u8..).take(order.parcels.len()) {
            let script = life::script(profile, &order, k, random);
            self.agenda.extend(script.into_iter().map(|(hour, act)| (start + hour, index, act)));
        }
        self.orders.push(order);
    }
}
