//! Keeps deep expressions from using up a stack: what is too deep is refused, what is deep gets a stack
//! of its own.
//!
//! The parser takes up to 200 KiB of stack for a bracket and 40 KiB for an operator in a chain. So the
//! length of a text bounds its depth before it is parsed, and the depth of what was parsed bounds what
//! evaluating it takes.

use cel::common::ast::{EntryExpr, Expr, IdedExpr};

use super::ExpressionError;

/// Bytes that an expression may have.
pub const LONGEST: usize = 4_096;
/// Levels that a parsed expression may have; `1 + 2 + 3` has three.
pub const DEEPEST: usize = 256;
/// Levels that are evaluated on the stack of the caller.
pub(super) const SHALLOW: usize = 8;
/// Enough for the deepest expression that a text of [`LONGEST`] bytes can be; only what is used of it
/// is taken from the machine.
const STACK: usize = 128 << 20;

/// Does `work` on a stack of its own.
pub(super) fn apart<T: Send>(
    work: impl FnOnce() -> Result<T, ExpressionError> + Send,
) -> Result<T, ExpressionError> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .name("expression".to_owned())
            .stack_size(STACK)
            .spawn_scoped(scope, work)
            .map_err(|error| {
                ExpressionError::new(format!("no thread for an expression: {error}"))
            })?;
        match thread.join() {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// Refuses a text that is longer than an expression may be.
pub(super) fn check_length(text: &str) -> Result<(), ExpressionError> {
    if text.len() <= LONGEST {
        return Ok(());
    }
    Err(ExpressionError {
        offset: Some(text.floor_char_boundary(LONGEST)),
        ..ExpressionError::new(format!("an expression has at most {LONGEST} bytes"))
    })
}

/// The levels of a parsed expression, or an error when there are too many.
pub(super) fn check(one: &IdedExpr) -> Result<usize, ExpressionError> {
    let levels = levels(one);
    if levels <= DEEPEST {
        return Ok(levels);
    }
    Err(ExpressionError::new(format!(
        "the expression is nested deeper than {DEEPEST} levels"
    )))
}

fn levels(one: &IdedExpr) -> usize {
    let most = |all: &mut dyn Iterator<Item = &IdedExpr>| all.map(levels).max().unwrap_or(0);
    1 + match &one.expr {
        Expr::Unspecified | Expr::Literal(_) | Expr::Ident(_) => 0,
        Expr::Select(select) => levels(&select.operand),
        Expr::Call(call) => {
            let target = call.target.as_deref();
            most(&mut target.into_iter().chain(&call.args))
        }
        Expr::List(list) => most(&mut list.elements.iter()),
        Expr::Map(map) => most(&mut map.entries.iter().flat_map(|one| parts(&one.expr))),
        Expr::Struct(made) => most(&mut made.entries.iter().flat_map(|one| parts(&one.expr))),
        Expr::Comprehension(all) => most(
            &mut [
                &all.iter_range,
                &all.accu_init,
                &all.loop_cond,
                &all.loop_step,
                &all.result,
            ]
            .into_iter(),
        ),
    }
}

fn parts(entry: &EntryExpr) -> impl Iterator<Item = &IdedExpr> {
    let (key, value) = match entry {
        EntryExpr::StructField(field) => (None, &field.value),
        EntryExpr::MapEntry(entry) => (Some(&entry.key), &entry.value),
    };
    key.into_iter().chain([value])
}
