//! A tenant's whole state: export it, or replace it by a snapshot.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, mpsc},
};

use axum::{
    Json,
    body::{Body, Bytes},
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use tokio::{runtime::Handle, task::spawn_blocking};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::detached;
use crate::{
    channels::{ensure_tasks, missing_secrets},
    domain::{codes::ChannelCode, snapshot::Snapshot},
    http::{
        Api,
        access::{Admin, In, Read},
        extract::Text,
        problem::{Answer, Kind, Problem, Wrong},
    },
    import::read_snapshot,
    plugins::Registry,
    secrets::Secret,
    settings,
};

pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(export, replace))
}

/// Export the tenant's whole state
#[utoipa::path(get, path = "/v1/tenants/{tenant}/snapshot", tag = "tenants", security(("key" = ["read"])),
    responses((status = 200, description = "The snapshot; it holds no secrets.", body = Snapshot)))]
async fn export(State(api): State<Arc<Api>>, place: In<Read>) -> Response {
    let (pieces, arriving) = mpsc::sync_channel::<io::Result<Bytes>>(4);
    let (now, runtime) = (api.clock.now_ms(), Handle::current());
    // On a thread of its own: writing holds it up until the caller has read.
    spawn_blocking(move || {
        let mut out = Pieces { pieces, held: Vec::new() };
        if let Err(error) = runtime.block_on(api.store.export(&place.tenant, now, &mut out)) {
            tracing::warn!(%error, tenant = %place.tenant, "an export broke off");
            // The caller sees a body that ends too early.
            let _ = out.pieces.send(Err(io::Error::other("the export broke off")));
        }
    });
    let body = futures_util::stream::unfold(arriving, |arriving| async move {
        let (piece, arriving) = spawn_blocking(move || (arriving.recv().ok(), arriving)).await.ok()?;
        Some((piece?, arriving))
    });
    ([(header::CONTENT_TYPE, "application/json")], Body::from_stream(body)).into_response()
}

/// Passes what is written on in pieces; writing fails when nobody takes them any more.
struct Pieces {
    pieces: mpsc::SyncSender<io::Result<Bytes>>,
    held: Vec<u8>,
}

/// Bytes that are passed on together.
const PIECE: usize = 64 << 10;

impl io::Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.held.extend_from_slice(bytes);
        if self.held.len() >= PIECE {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let piece = std::mem::take(&mut self.held);
        if piece.is_empty() {
            return Ok(());
        }
        self.pieces.send(Ok(piece.into())).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))
    }
}

/// What an import came to.
#[derive(Debug, Serialize, ToSchema)]
struct Imported {
    /// Channels in it.
    channels: usize,
    /// Orders in it.
    orders: usize,
    /// What a person should look at, though it was taken.
    warnings: Vec<Wrong>,
    /// Channels that still need secrets, each with their names.
    missing_secrets: BTreeMap<String, Vec<String>>,
}

/// Replace the tenant's whole state by a snapshot
///
/// It is taken in one piece or not at all. Channels that remain keep their secrets. To add orders and leave the rest alone,
/// hand them over with `POST /v1/tenants/{tenant}/orders`.
#[utoipa::path(put, path = "/v1/tenants/{tenant}/snapshot", tag = "tenants", request_body = Snapshot,
    security(("key" = ["admin"])), responses((status = 200, description = "It is taken.", body = Imported)))]
async fn replace(State(api): State<Arc<Api>>, place: In<Admin>, Text(text): Text) -> Answer<Json<Imported>> {
    let read = read_snapshot(&text).map_err(|faults| {
        let said = format!("{} things contradict; nothing was taken", faults.len());
        let is_json = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
        let kind = if is_json { Kind::BodyWrong } else { Kind::BodyMalformed };
        Problem::with(kind, said, faults.into_iter().map(Wrong::from).collect())
    })?;
    drop(text);
    let mut snapshot = read.snapshot;
    if snapshot.tenant != place.tenant {
        let said =
            format!("the address is of tenant {} and the snapshot of {}", place.tenant, snapshot.tenant);
        return Err(Problem::new(Kind::BodyWrong, said));
    }
    let engine = api.engine();
    let secrets = take_secrets(&mut snapshot, engine.registry())?;
    let (channels, orders) = (snapshot.channels.clone(), snapshot.orders.len());
    let missing = detached(async move {
        let store = engine.store();
        store.import(snapshot, secrets).await?;
        let mut missing = BTreeMap::new();
        for channel in &channels {
            let Some(connector) = engine.registry().get(&channel.connector) else { continue };
            ensure_tasks(store, engine.now_ms(), &place.tenant, &channel.code, &connector).await?;
            let names = store.secret_names(&place.tenant, &channel.code).await?;
            let lacking = missing_secrets(&connector, channel, &names);
            if !lacking.is_empty() {
                missing.insert(channel.code.to_string(), lacking);
            }
        }
        Ok::<_, Problem>((channels.len(), missing))
    });
    let (channels, missing_secrets) = missing.await??;
    let warnings = read.warnings.into_iter().map(Wrong::from).collect();
    Ok(Json(Imported { channels, orders, warnings, missing_secrets }))
}

/// Moves secrets out of the settings of channels whose connector is loaded.
fn take_secrets(
    snapshot: &mut Snapshot,
    registry: &Registry,
) -> Answer<BTreeMap<ChannelCode, BTreeMap<String, Secret>>> {
    let mut secrets = BTreeMap::new();
    for (index, channel) in snapshot.channels.iter_mut().enumerate() {
        let Some(connector) = registry.get(&channel.connector) else { continue };
        let sorted = settings::sort(&connector.descriptor, &channel.settings).map_err(|problems| {
            let path = format!("channels[{index}].settings");
            let wrong = |problem| Wrong { path: path.clone(), line: None, column: None, problem };
            let said = format!("channel {}: {}", channel.code, problems.join("; "));
            Problem::with(Kind::SettingsWrong, said, problems.into_iter().map(wrong).collect())
        })?;
        channel.settings = sorted.settings;
        if !sorted.secrets.is_empty() {
            secrets.insert(channel.code.clone(), sorted.secrets);
        }
    }
    Ok(secrets)
}
