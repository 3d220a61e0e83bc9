//! Built connectors against their marketplaces' documented replies over HTTP: what they ask, what they make of good
//! answers, and what bad ones cost. Everything goes through the real loader and the real fetcher.

mod amazon;
mod flipkart;
mod market;
mod trial;
