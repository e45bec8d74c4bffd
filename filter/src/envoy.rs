//! The edge to Envoy: translates callbacks into calls of the core, and the core's answers into host calls. Nothing
//! here knows a price, a customer or a provider. Compiled for wasm32 alone.

mod abi;
mod access_log;
mod attempt;
mod call;
mod host;
mod node;
mod root;
mod stats;
mod stream;

use proxy_wasm::{traits::RootContext, types::LogLevel};

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_root_context(|_| -> Box<dyn RootContext> { Box::new(root::Root::default()) });
}}
