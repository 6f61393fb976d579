//! Parameters given to a run; they stand on a command line, so they have no place in a file.

use crate::diagnostic::Code;

pub(crate) const CODES: &[Code] = &[GIVEN];

/// The code that messages about given parameters carry.
pub(crate) const GIVEN: Code = Code {
    code: "R033",
    title: "a parameter of the run is wrong",
    explanation: "Every parameter that the runbook declares without a default has to be given, each \
                  with a value of its type, and no others. A secret is given as `env:NAME` or \
                  `file:PATH`.",
};
