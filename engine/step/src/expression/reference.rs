//! The names that a parsed expression reads.

use cel::Program;
use cel::common::ast::{CallExpr, EntryExpr, Expr, IdedExpr, LiteralValue, operators};

use super::{ExpressionError, ORDERED, Reference};

/// Every function and method, sorted.
pub(super) const FUNCTIONS: &[&str] = &[
    "base64.decode",
    "base64.encode",
    "bool",
    "bytes",
    "charAt",
    "contains",
    "distinct",
    "double",
    "duration",
    "dyn",
    "endsWith",
    "flatten",
    "format",
    "getDate",
    "getDayOfMonth",
    "getDayOfWeek",
    "getDayOfYear",
    "getFullYear",
    "getHours",
    "getMilliseconds",
    "getMinutes",
    "getMonth",
    "getSeconds",
    "hasValue",
    "indexOf",
    "int",
    "join",
    "lastIndexOf",
    "lists.range",
    "lowerAscii",
    "matches",
    "math.abs",
    "math.bitAnd",
    "math.bitNot",
    "math.bitOr",
    "math.bitShiftLeft",
    "math.bitShiftRight",
    "math.bitXor",
    "math.ceil",
    "math.floor",
    "math.greatest",
    "math.isFinite",
    "math.isInf",
    "math.isNaN",
    "math.least",
    "math.round",
    "math.sign",
    "math.sqrt",
    "math.trunc",
    "optional.none",
    "optional.of",
    "optional.ofNonZeroValue",
    "or",
    "orValue",
    "replace",
    "reverse",
    "size",
    "slice",
    "sort",
    "split",
    "startsWith",
    "string",
    "strings.quote",
    "substring",
    "timestamp",
    "trim",
    "type",
    "uint",
    "upperAscii",
    "value",
];

/// Heads of function names such as `math.least`.
const SPACES: [&str; 5] = ["base64", "lists", "math", "optional", "strings"];

/// Names of types, which are no references.
const TYPES: [&str; 12] = [
    "bool",
    "bytes",
    "double",
    "dyn",
    "int",
    "list",
    "map",
    "null_type",
    "string",
    "type",
    "uint",
    "google",
];

/// Every reference, and the first unknown function as an error.
pub(super) fn collect(text: &str, program: &Program) -> Result<Vec<Reference>, ExpressionError> {
    let mut collector = Collector {
        text,
        program,
        bound: Vec::new(),
        found: Vec::new(),
    };
    collector.expression(program.expression())?;
    let mut found = collector.found;
    found.sort_by(|one, two| (one.offset, &one.path).cmp(&(two.offset, &two.path)));
    found.dedup();
    Ok(found)
}

struct Collector<'a> {
    text: &'a str,
    program: &'a Program,
    bound: Vec<String>,
    found: Vec<Reference>,
}

impl Collector<'_> {
    fn expression(&mut self, one: &IdedExpr) -> Result<(), ExpressionError> {
        if self.path(one, false) {
            return Ok(());
        }
        match &one.expr {
            Expr::Unspecified | Expr::Literal(_) | Expr::Ident(_) => Ok(()),
            Expr::Select(select) => self.expression(&select.operand),
            Expr::Call(call) => self.call(one, call),
            Expr::List(list) => list
                .elements
                .iter()
                .try_for_each(|one| self.expression(one)),
            Expr::Map(map) => self.entries(map.entries.iter().map(|entry| &entry.expr)),
            Expr::Struct(made) => self.entries(made.entries.iter().map(|entry| &entry.expr)),
            Expr::Comprehension(all) => {
                self.expression(&all.iter_range)?;
                self.expression(&all.accu_init)?;
                let before = self.bound.len();
                self.bound.push(all.iter_var.clone());
                self.bound.push(all.accu_var.clone());
                self.bound.extend(all.iter_var2.clone());
                for one in [&all.loop_cond, &all.loop_step, &all.result] {
                    self.expression(one)?;
                }
                self.bound.truncate(before);
                Ok(())
            }
        }
    }

    fn entries<'e>(
        &mut self,
        entries: impl Iterator<Item = &'e EntryExpr>,
    ) -> Result<(), ExpressionError> {
        for entry in entries {
            match entry {
                EntryExpr::StructField(field) => self.expression(&field.value)?,
                EntryExpr::MapEntry(entry) => {
                    self.expression(&entry.key)?;
                    self.expression(&entry.value)?;
                }
            }
        }
        Ok(())
    }

    fn call(&mut self, one: &IdedExpr, call: &CallExpr) -> Result<(), ExpressionError> {
        let space = call.target.as_ref().and_then(|target| match &target.expr {
            Expr::Ident(name) if SPACES.contains(&name.as_str()) => Some(name.clone()),
            _ => None,
        });
        let name = match &space {
            Some(space) => format!("{space}.{}", call.func_name),
            None => call.func_name.clone(),
        };
        // Operators, and what macros are expanded to, are no names that a person wrote.
        let operator = name.starts_with(['_', '!', '-']) || name.contains('@');
        if !operator && !FUNCTIONS.contains(&name.as_str()) {
            return Err(ExpressionError {
                message: format!("no function is called `{name}`"),
                offset: self.text.find(&call.func_name).or(self.offset(one)),
                function: Some(name),
            });
        }
        // `a[?i]` and `a.?f` ask whether something is there.
        if matches!(
            call.func_name.as_str(),
            operators::OPT_SELECT | operators::OPT_INDEX
        ) && let Some(first) = call.args.first()
            && self.path(first, true)
        {
            return call.args[1..]
                .iter()
                .try_for_each(|one| self.expression(one));
        }
        if space.is_none()
            && let Some(target) = &call.target
        {
            self.expression(target)?;
        }
        call.args.iter().try_for_each(|one| self.expression(one))
    }

    /// Takes `one` for a path if it is one.
    fn path(&mut self, one: &IdedExpr, optional: bool) -> bool {
        let mut path = Vec::new();
        let mut tested = optional;
        let Some(root) = unroll(one, &mut path, &mut tested) else {
            return false;
        };
        path.reverse();
        let name = path[0].trim_start_matches('.').to_owned();
        let is_type = path.len() == 1 && TYPES.contains(&name.as_str());
        let special = name.starts_with('@') || name == "__result__" || name == "google";
        if self.bound.contains(&name) || is_type || special {
            return true;
        }
        path[0] = name;
        let offset = self.offset(root).unwrap_or_default();
        self.found.push(Reference {
            path,
            offset,
            optional: tested,
        });
        true
    }

    fn offset(&self, one: &IdedExpr) -> Option<usize> {
        let (start, _) = self.program.source_info().offset_for(one.id)?;
        Some(self.text.floor_char_boundary(start as usize))
    }
}

/// The segments of `one`, last first, when it is an identifier with fields and literal indexes.
fn unroll<'e>(
    one: &'e IdedExpr,
    path: &mut Vec<String>,
    tested: &mut bool,
) -> Option<&'e IdedExpr> {
    match &one.expr {
        Expr::Ident(name) => {
            path.push(name.clone());
            Some(one)
        }
        Expr::Select(select) => {
            *tested |= select.test;
            path.push(select.field.clone());
            unroll(&select.operand, path, tested)
        }
        Expr::Call(call) if call.func_name == operators::INDEX => {
            let [target, index] = call.args.as_slice() else {
                return None;
            };
            match &index.expr {
                Expr::Literal(LiteralValue::String(text)) => path.push(text.inner().to_owned()),
                Expr::Literal(LiteralValue::Int(number)) => path.push(number.inner().to_string()),
                _ => return None,
            }
            unroll(target, path, tested)
        }
        _ => None,
    }
}

/// Puts what every macro goes through in order, since maps have none.
pub(super) fn order(one: &mut IdedExpr) {
    match &mut one.expr {
        Expr::Unspecified | Expr::Literal(_) | Expr::Ident(_) => {}
        Expr::Select(select) => order(&mut select.operand),
        Expr::Call(call) => {
            call.target.iter_mut().for_each(|one| order(one));
            call.args.iter_mut().for_each(order);
        }
        Expr::List(list) => list.elements.iter_mut().for_each(order),
        Expr::Map(map) => map
            .entries
            .iter_mut()
            .for_each(|entry| order_entry(&mut entry.expr)),
        Expr::Struct(made) => made
            .entries
            .iter_mut()
            .for_each(|entry| order_entry(&mut entry.expr)),
        Expr::Comprehension(all) => {
            for one in [
                &mut all.iter_range,
                &mut all.accu_init,
                &mut all.loop_cond,
                &mut all.loop_step,
                &mut all.result,
            ] {
                order(one);
            }
            if all.iter_var2.is_none() {
                let range = std::mem::take(&mut all.iter_range);
                all.iter_range = IdedExpr {
                    id: range.id,
                    expr: Expr::Call(CallExpr {
                        func_name: ORDERED.to_owned(),
                        target: None,
                        args: vec![range],
                    }),
                };
            }
        }
    }
}

fn order_entry(entry: &mut EntryExpr) {
    match entry {
        EntryExpr::StructField(field) => order(&mut field.value),
        EntryExpr::MapEntry(entry) => {
            order(&mut entry.key);
            order(&mut entry.value);
        }
    }
}
