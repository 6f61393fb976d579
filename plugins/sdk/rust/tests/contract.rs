//! The contract is copied where something needs a copy; the copies are the same.

use std::fs;
use std::path::Path;

#[test]
fn the_copies_of_the_contract_are_the_contract() {
    let plugins = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let contract = plugins.join("wit/runbook-plugin.wit");
    // Copied out of the project, the SDK has no other copies beside it.
    let Ok(contract) = fs::read_to_string(contract) else {
        return;
    };
    for copy in [
        "sdk/rust",
        "sdk/python",
        "sdk/js",
        "hostile",
        "compat/wit-0.1.0",
    ] {
        let file = plugins.join(copy).join("wit/runbook-plugin.wit");
        let text = fs::read_to_string(&file).unwrap();
        assert!(
            text == contract,
            "{} differs from plugins/wit: copy it again",
            file.display()
        );
    }
}
