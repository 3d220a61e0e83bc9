//! Amazon's JSON, under Amazon's names and without logic: Orders 2026-01-01, Easy Ship, Reports, login, errors.
//!
//! Only what is used is here. Names, addresses, mail addresses and gift texts have no field, so they are dropped while
//! reading. Times are texts: one that cannot be read must not fail a page.

#![expect(clippy::struct_field_names, reason = "the names are Amazon's")]

use serde::Deserialize;

/// `searchOrders`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OrdersPage {
    pub(crate) orders: Vec<Order>,
    pub(crate) pagination: Option<Pagination>,
    pub(crate) last_updated_before: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Pagination {
    pub(crate) next_token: Option<String>,
}

/// `getOrder`.
#[derive(Deserialize)]
pub(crate) struct OrderReply {
    pub(crate) order: Order,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Order {
    pub(crate) order_id: String,
    pub(crate) last_updated_time: Option<String>,
    pub(crate) programs: Option<Vec<String>>,
    pub(crate) fulfillment: Option<OrderFulfillment>,
    pub(crate) order_items: Option<Vec<OrderItem>>,
    pub(crate) packages: Option<Vec<Package>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OrderFulfillment {
    pub(crate) fulfillment_status: Option<String>,
    pub(crate) fulfilled_by: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OrderItem {
    pub(crate) order_item_id: String,
    pub(crate) quantity_ordered: Option<u32>,
    pub(crate) product: Option<Product>,
    pub(crate) fulfillment: Option<ItemFulfillment>,
    pub(crate) cancellation: Option<Cancellation>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Product {
    pub(crate) seller_sku: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ItemFulfillment {
    pub(crate) quantity_fulfilled: Option<u32>,
}

/// A request of the buyer to cancel stands here too (`cancellationRequest`); it is not a cancellation and not read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Cancellation {
    pub(crate) cancellation_execution: Option<CancellationExecution>,
}

/// That it is there is all that is read.
#[derive(Deserialize)]
pub(crate) struct CancellationExecution {}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Package {
    pub(crate) package_reference_id: Option<String>,
    pub(crate) package_status: Option<PackageStatus>,
    pub(crate) carrier: Option<String>,
    pub(crate) ship_time: Option<String>,
    pub(crate) tracking_number: Option<String>,
    pub(crate) package_items: Option<Vec<PackageItem>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PackageStatus {
    pub(crate) status: Option<String>,
    pub(crate) detailed_status: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PackageItem {
    pub(crate) order_item_id: String,
    pub(crate) quantity: u32,
}

/// `getScheduledPackage`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ScheduledPackage {
    pub(crate) scheduled_package_id: Option<ScheduledPackageId>,
    pub(crate) package_status: Option<String>,
    pub(crate) tracking_details: Option<TrackingDetails>,
    pub(crate) invoice: Option<Invoice>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ScheduledPackageId {
    pub(crate) amazon_order_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TrackingDetails {
    pub(crate) tracking_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Invoice {
    pub(crate) invoice_number: Option<String>,
}

/// `createReport`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReportCreated {
    pub(crate) report_id: String,
}

/// `getReport`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    pub(crate) processing_status: String,
    pub(crate) report_document_id: Option<String>,
}

/// `getReportDocument`. Its URL opens the document to anyone who has it, so there is no `Debug`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReportDocument {
    pub(crate) url: String,
    pub(crate) compression_algorithm: Option<String>,
}

/// A login that worked. No `Debug`: it holds tokens.
#[derive(Deserialize)]
pub(crate) struct Login {
    pub(crate) access_token: String,
    /// In seconds; the documented hour if the reply does not say.
    #[serde(default = "an_hour")]
    pub(crate) expires_in: u64,
    pub(crate) refresh_token: Option<String>,
}

fn an_hour() -> u64 {
    3_600
}

/// A login that did not.
#[derive(Deserialize)]
pub(crate) struct LoginError {
    pub(crate) error: Option<String>,
}

/// The envelope of every other error.
#[derive(Deserialize)]
pub(crate) struct ErrorList {
    pub(crate) errors: Option<Vec<ApiError>>,
}

#[derive(Deserialize)]
pub(crate) struct ApiError {
    pub(crate) code: Option<String>,
}
