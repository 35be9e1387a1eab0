//! The consumers: events reach them once or more often, in any company, and take effect once, or as docs/events.md says.

mod analytics;
mod contacts;
mod notify;
mod scene;
mod schemas;
