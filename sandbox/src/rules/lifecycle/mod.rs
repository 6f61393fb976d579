//! Things take time. In moto they do not.
//!
//! Each file holds one kind of thing back: what moto answers is changed as long
//! as the thing is younger than its delay.

pub(super) mod creations;
pub(super) mod dns;
pub(super) mod instances;
pub(super) mod targets;

use roxmltree::Node;

use crate::call::Call;
use crate::lifecycles::Lifecycles;
use crate::wire::xml::{self, Edits};
use crate::world::World;

fn delays(world: &World, call: &Call) -> Lifecycles {
    world.lifecycles(Some(&call.account))
}

/// Changes the text of a child from `old` to `new`, if it is `old`.
fn replace_text(edits: &mut Edits, parent: Node<'_, '_>, name: &str, (old, new): (&str, &str)) {
    if xml::text_at(parent, &[name]) == old {
        edits.set(parent, name, new);
    }
}
