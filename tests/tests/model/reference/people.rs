//! What people do: goods put away, questions decided.

use std::collections::BTreeSet;

use statusync::domain::{apply::Code, invoice::SequenceKind, order::Stage};

use super::{Buyers, Class, Parcel, Place::Open, Reference};

impl Reference {
    /// Whether there was something to put away.
    pub(crate) fn put_away(&mut self, unit: usize, good: bool) -> bool {
        let unit = &mut self.units[unit];
        let on_hand = &mut self.on_hand[unit.product];
        match unit.due.take() {
            None => return false,
            Some(came_back) => {
                if came_back {
                    *on_hand += i64::from(good);
                } else if unit.blocked {
                    *on_hand -= i64::from(!good);
                    unit.blocked = false;
                }
            }
        }
        true
    }

    /// Decides the first open question; false if there is none or it cannot be decided so now.
    pub(crate) fn decide(&mut self, accept: bool) -> bool {
        let Some(place) = self.questions.iter().position(|(_, question)| question.open) else { return false };
        let before = self.clone();
        let ((cause, about), question) = self.questions[place].clone();
        self.questions[place].1.open = false;
        self.questions[place].1.decision = Some(accept);
        if !accept {
            return true;
        }
        match cause {
            Code::DispatchedButCancelledLocally | Code::ReturnOfCancelled => {
                let unit = &mut self.units[about];
                (unit.is, unit.parcel, unit.due, unit.cancelled_on) = (Open, None, None, None);
            }
            Code::ReopenedOnChannel => {
                let unit = &mut self.units[about];
                (unit.is, unit.parcel, unit.cancelled_on) = (Open, None, None);
                return true;
            }
            Code::CancelAfterDelivery => {
                if let Some(parcel) = self.units[about].parcel {
                    self.parcels[parcel].buyers = Some((BTreeSet::from([about]), Buyers::Open));
                }
                return true;
            }
            Code::PartialDispatchOfInvoicedShipment => {
                self.withdraw_invoice(about);
                let parcel = &mut self.parcels[about];
                (parcel.stage, parcel.picked, parcel.held) = (Stage::BeforePacked, true, false);
            }
            Code::PartialCourierReturn => {
                if self.missing == Some(SequenceKind::ShippingPackage) {
                    *self = before;
                    return false;
                }
                self.parcels.push(Parcel { buyers: None, courier: None, ..self.parcels[about].clone() });
                for &unit in &question.units {
                    self.units[unit].parcel = Some(self.parcels.len() - 1);
                }
            }
            _ => return true,
        }
        let classes = self.run(&question.facts, false);
        if classes.contains(&Class::Refused) || !classes.contains(&Class::Applied) {
            *self = before;
            return false;
        }
        self.applied.extend(question.facts);
        true
    }
}
