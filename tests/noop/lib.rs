//! A filter that does nothing: what any filter costs, for the benchmarks. Every callback is there and continues. It
//! panics on a request of so many headers as nobody sends, so that the suite can see what Envoy does then.

#[cfg(target_arch = "wasm32")]
mod nothing {
    use proxy_wasm::traits::{Context, HttpContext, RootContext};
    use proxy_wasm::types::{Action, ContextType};

    struct Nothing;

    impl Context for Nothing {}

    impl HttpContext for Nothing {
        fn on_http_request_headers(&mut self, headers: usize, _: bool) -> Action {
            assert!(headers < 80, "as the suite wants it");
            Action::Continue
        }
    }

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
