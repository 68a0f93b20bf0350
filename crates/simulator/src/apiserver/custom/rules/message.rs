//! Messages that rules compute.

use machinery::cel::{EvalError, PER_CALL, Value as Cel, Variables};

use super::{Rule, Run};

/// The longest message an expression may give, in bytes.
const LONGEST_MESSAGE: usize = 5 * 1024;

/// What a message expression gave.
pub(super) enum Message {
    /// Nothing usable: the rule's own message counts.
    Own,
    /// A message.
    Text(String),
    /// An error that ends validation.
    Fatal(String),
}

impl Run {
    /// What the message expression of a rule makes of its values; it counts against the same budget.
    pub(super) fn message(&mut self, rule: &Rule, variables: &Variables) -> Message {
        let Some(program) = &rule.message_program else {
            return Message::Own;
        };
        let source = &rule.message_source;
        let run = program.run_with(variables, None, PER_CALL);
        let cost = i64::try_from(run.cost).unwrap_or(i64::MAX);
        if cost > self.budget {
            return Message::Fatal(
                "messageExpression evaluation failed due to running out of cost budget, no further validation rules \
                 will be run"
                    .to_owned(),
            );
        }
        self.budget -= cost;
        match run.result {
            Err(EvalError::TooExpensive) => Message::Fatal(format!(
                "no further validation rules will be run due to call cost exceeds limit for messageExpression: {source:?}"
            )),
            Ok(Cel::String(text)) => {
                let text = text.trim();
                let fits =
                    !text.is_empty() && text.len() <= LONGEST_MESSAGE && !text.contains('\n');
                if fits {
                    Message::Text(text.to_owned())
                } else {
                    Message::Own
                }
            }
            Ok(_) | Err(EvalError::Failed(_)) => Message::Own,
        }
    }
}
