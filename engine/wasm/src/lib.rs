//! WASM plugins.
