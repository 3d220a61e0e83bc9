//! Builds Wooplr's requests from the settings. Knows nothing of what the answers mean.
//!
//! There is no request here that changes anything on the marketplace: a POST is a question with a filter.

use plugin_api::{Error, Request, Result};
use serde_json::Value;

use crate::{
    auth,
    config::{Method, Settings},
};

/// Names of the rate plan's operations.
pub(crate) mod op {
    pub(crate) const LIST: &str = "list_orders";
    pub(crate) const DETAIL: &str = "get_order";
}

/// Whether an id can stand in a path.
pub(crate) fn is_id(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 64
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// A page of the list. A GET takes the filter's plain members as query parameters.
///
/// # Errors
/// `config` if the filter is no JSON object.
pub(crate) fn list(settings: &Settings, page: u32) -> Result<Request> {
    let filter = settings.filter(page).map_err(|message| Error::config(message).during(op::LIST))?;
    let url = format!("{}{}", settings.base_url, settings.list_path);
    let request = match settings.list_method {
        Method::Post => Request::post(op::LIST, url).json(&filter),
        Method::Get => {
            let members = filter.as_object().into_iter().flatten();
            members.fold(Request::get(op::LIST, url), |request, (name, value)| match value {
                Value::String(text) => request.query(name, text),
                Value::Number(number) => request.query(name, number.to_string()),
                _ => request,
            })
        }
    };
    Ok(auth::signed(settings, request))
}

/// One order.
pub(crate) fn detail(settings: &Settings, sub_order: &str) -> Request {
    let url = format!("{}{}", settings.base_url, settings.detail_path.replace("{subOrderId}", sub_order));
    let request = match settings.detail_method {
        Method::Get => Request::get(op::DETAIL, url).header("content-type", "application/json"),
        Method::Post => Request::post(op::DETAIL, url).json(&serde_json::json!({})),
    };
    auth::signed(settings, request)
}
