//! A filter that does nothing: what any filter costs, for the benchmarks. Every callback is there and continues.

#[cfg(target_arch = "wasm32")]
mod nothing {
    use proxy_wasm::traits::{Context, HttpContext, RootContext};
    use proxy_wasm::types::ContextType;

    struct Nothing;

    impl Context for Nothing {}

    impl HttpContext for Nothing {}

    impl RootContext for Nothing {
        fn create_http_context(&self, _: u32) -> Option<Box<dyn HttpContext>> {
            Some(Box::new(Self))
        }

        fn get_type(&self) -> Option<ContextType> {
            Some(ContextType::HttpContext)
        }
    }

    proxy_wasm::main! {{
        proxy_wasm::set_root_context(|_| Box::new(Nothing));
    }}
}
