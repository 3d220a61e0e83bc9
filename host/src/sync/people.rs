//! What people do about orders: conflicts accepted or kept, goods put away. One transaction each, kept in history.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use plugin_api::InvoiceNumbering;

use super::{
    Engine, SyncError,
    page::{Declared, policy},
};
use crate::{
    domain::{
        apply::{
            Policy, Verdict,
            people::{self, Act},
        },
        codes::{OrderCode, TenantCode},
        duties::{Decision, Quality},
        effect::{Change, Effect},
        ledger::Ledger,
        snapshot::{Channel, OrderFile},
    },
    storage::{Mode, PageResult},
};

/// What a person's act came to.
#[derive(Clone, Debug)]
pub struct Done {
    /// The order.
    pub order: OrderCode,
    /// What changed.
    pub effects: Vec<Effect>,
    /// A sentence.
    pub message: String,
}

/// What the rules said to a person's act.
type Told = Result<Vec<Effect>, String>;
type Deed = Box<dyn FnOnce(&OrderFile, &mut Ledger, &Policy) -> Result<Act, String> + Send>;

impl Engine {
    /// Decides a conflict.
    ///
    /// # Errors
    /// If there is no such open conflict, or what it needs is missing.
    pub async fn decide_conflict(
        &self,
        tenant: &TenantCode,
        code: &str,
        decision: Decision,
    ) -> Result<Done, SyncError> {
        let Some(row) = self.store.conflict(tenant, code).await? else {
            return Err(SyncError::NotFound(format!(
                "tenant {tenant} has no conflict {code}; `statusync conflict list --tenant {tenant}` shows those that are open"
            )));
        };
        let conflict = code.to_owned();
        let deed: Deed = Box::new(move |file, ledger, policy| {
            people::decide_conflict(file, ledger, policy, &conflict, decision)
        });
        let words = match decision {
            Decision::Accept => format!("conflict {code} accepted: what the channel said is applied"),
            Decision::Keep => format!("conflict {code} kept: our state stays, and this is not asked again"),
        };
        self.act(tenant, &row.conflict.order, words, deed).await
    }

    /// Completes a putaway.
    ///
    /// # Errors
    /// If there is no such putaway, or it is not due.
    pub async fn complete_putaway(
        &self,
        tenant: &TenantCode,
        code: &str,
        quality: Quality,
    ) -> Result<Done, SyncError> {
        let Some(row) = self.store.putaway(tenant, code).await? else {
            return Err(SyncError::NotFound(format!(
                "tenant {tenant} has no putaway {code}; `statusync putaway list --tenant {tenant}` shows those that are due"
            )));
        };
        let putaway = code.to_owned();
        let deed: Deed = Box::new(move |file, ledger, policy| {
            people::complete_putaway(file, ledger, policy, &putaway, quality)
        });
        let words = format!("putaway {code} of item {} is complete: {quality}", row.putaway.item);
        self.act(tenant, &row.order, words, deed).await
    }

    async fn act(
        &self,
        tenant: &TenantCode,
        order: &OrderCode,
        words: String,
        deed: Deed,
    ) -> Result<Done, SyncError> {
        let connectors: Vec<_> = self.registry.list();
        let declared = move |channel: &Channel| {
            connectors.iter().find(|connector| connector.descriptor.id == channel.connector).map_or_else(
                || Declared {
                    capabilities: BTreeSet::new(),
                    invoice_numbering: InvoiceNumbering::Seller,
                    name: channel.connector.clone(),
                },
                |connector| Declared::by(connector),
            )
        };
        let now = self.clock.now_ms();
        let told: Arc<Mutex<Option<Told>>> = Arc::default();
        let (tell, sentence) = (Arc::clone(&told), words.clone());
        let decide = Box::new(move |mut state: crate::storage::PageState| {
            let mut result = PageResult::default();
            let Some(file) = state.files.values().next() else { return result };
            let declared = declared(&state.channel);
            let policy = policy(&state.channel, &state.facilities, &declared, 0, now);
            let done = deed(file, &mut state.ledger, &policy).map(|act| {
                result.ledger = state.ledger.changes(state.counters);
                result.changes.push(Change {
                    order: act.file.order.code.clone(),
                    channel: state.channel.code.clone(),
                    at: now,
                    run: "a person".to_owned(),
                    connector: declared.name.clone(),
                    row: act.verdicts.first().map(Verdict::row_text).unwrap_or_default(),
                    code: None,
                    message: sentence,
                    observation: None,
                    waited: None,
                    effects: act.effects.clone(),
                });
                result.files.push(act.file);
                act.effects
            });
            *tell.lock().unwrap_or_else(PoisonError::into_inner) = Some(done);
            result
        });
        self.store.edit_order(tenant, order, now, Mode::Commit, decide).await?;
        let done = told.lock().unwrap_or_else(PoisonError::into_inner).take();
        let effects = done
            .unwrap_or_else(|| Err(format!("order {order} is not known here")))
            .map_err(SyncError::Refused)?;
        Ok(Done { order: order.clone(), effects, message: words })
    }
}
