//! Declarations, commands and their operands.

use super::super::lex::{Item, Kind};
use super::super::literal::{check_number, unquoted};
use super::{Parser, unexpected};

/// How deep brackets may be nested (`maxStackDepth`).
const DEEPEST: usize = 10_000;

/// A pipeline that isn't complete, of the action or of brackets in it.
struct Pipeline {
    context: &'static str,
    end: Kind,
    /// Complete commands.
    commands: usize,
    /// The stage, from 1, of the first command that nothing can be piped into.
    idle: Option<usize>,
    command: Option<Command>,
}

/// A command that isn't complete.
#[derive(Default)]
struct Command {
    operands: usize,
    /// The first operand is a value, not something that is called.
    is_value: bool,
}

impl Pipeline {
    fn new(context: &'static str, end: Kind) -> Self {
        Self {
            context,
            end,
            commands: 0,
            idle: None,
            command: None,
        }
    }

    fn close(&self) -> Result<(), String> {
        if self.commands == 0 {
            return Err(format!("missing value for {}", self.context));
        }
        match self.idle {
            Some(stage) => Err(format!("non executable command in pipeline stage {stage}")),
            None => Ok(()),
        }
    }
}

/// What an operand is.
enum Operand {
    /// A number, a text, `nil`, `true` or `.`: it has no fields, and isn't called.
    Value(String),
    /// Anything else.
    Other,
}

impl<'a> Parser<'a> {
    /// A pipeline and the `}}` after it.
    pub(super) fn pipeline(&mut self, context: &'static str) -> Result<(), String> {
        self.declarations(context)?;
        let mut open = vec![Pipeline::new(context, Kind::Close)];
        while let Some(pipeline) = open.last_mut() {
            if pipeline.command.is_none() {
                self.skip_space()?;
                let item = self.peek()?;
                if item.kind == pipeline.end {
                    self.next_item()?;
                    pipeline.close()?;
                    open.pop();
                    if let Some(outer) = open.last_mut() {
                        self.operand(outer, &Operand::Other)?;
                    }
                    continue;
                }
                if !begins_operand(item.kind) {
                    return Err(unexpected(item, pipeline.context));
                }
                pipeline.command = Some(Command::default());
            }
            self.skip_space()?;
            let item = self.peek()?;
            if !begins_operand(item.kind) {
                self.after_operand(pipeline)?;
                continue;
            }
            self.next_item()?;
            if item.kind == Kind::Left {
                if open.len() > DEEPEST {
                    return Err("max expression depth exceeded".to_owned());
                }
                let context = "parenthesized pipeline";
                self.declarations(context)?;
                open.push(Pipeline::new(context, Kind::Right));
                continue;
            }
            let operand = self.term(item)?;
            self.operand(pipeline, &operand)?;
        }
        Ok(())
    }

    /// `$x :=`, `$x =`, and for a range `$i, $x :=`.
    fn declarations(&mut self, context: &str) -> Result<(), String> {
        let mut count = 0;
        loop {
            self.skip_space()?;
            let variable = self.peek()?;
            if variable.kind != Kind::Variable {
                return Ok(());
            }
            let mut place = 1;
            while self.peek_at(place)?.kind == Kind::Space {
                place += 1;
            }
            let next = self.peek_at(place)?;
            let last = matches!(next.kind, Kind::Assign | Kind::Declare);
            if !last && (next.kind != Kind::Sign || next.text != ",") {
                return Ok(());
            }
            self.ahead.drain(..=place);
            self.tree()?.variables.push(variable.text.to_owned());
            count += 1;
            if last {
                return Ok(());
            }
            if context != "range" || count > 1 {
                return Err(format!("too many declarations in {context}"));
            }
            self.skip_space()?;
            let next = self.peek()?.kind;
            if !matches!(next, Kind::Variable | Kind::Close | Kind::Right) {
                return Err("range can only initialize variables".to_owned());
            }
        }
    }

    fn term(&mut self, item: Item<'a>) -> Result<Operand, String> {
        match item.kind {
            Kind::Word => {
                self.of.check_function(item.text)?;
                Ok(Operand::Other)
            }
            Kind::Variable => {
                let name = item.text;
                if self.tree()?.variables.iter().any(|known| known == name) {
                    return Ok(Operand::Other);
                }
                Err(format!("undefined variable {name:?}"))
            }
            Kind::Constant | Kind::Number | Kind::Complex => {
                check_number(item)?;
                Ok(Operand::Value(item.text.to_owned()))
            }
            Kind::Quoted | Kind::Raw => {
                unquoted(item)?;
                Ok(Operand::Value(item.text.to_owned()))
            }
            Kind::Dot | Kind::Nil | Kind::Bool => Ok(Operand::Value(item.text.to_owned())),
            _ => Ok(Operand::Other),
        }
    }

    /// The fields of an operand, and what follows it.
    fn operand(&mut self, pipeline: &mut Pipeline, operand: &Operand) -> Result<(), String> {
        let mut has_fields = false;
        while self.peek()?.kind == Kind::Field {
            has_fields = true;
            self.next_item()?;
        }
        if let (true, Operand::Value(text)) = (has_fields, operand) {
            return Err(format!("unexpected . after term {text:?}"));
        }
        if let Some(command) = &mut pipeline.command {
            if command.operands == 0 {
                command.is_value = matches!(operand, Operand::Value(_));
            }
            command.operands += 1;
        }
        self.after_operand(pipeline)
    }

    /// A space, or the end of the command.
    fn after_operand(&mut self, pipeline: &mut Pipeline) -> Result<(), String> {
        let item = self.peek()?;
        match item.kind {
            Kind::Space => {
                self.next_item()?;
                return Ok(());
            }
            Kind::Close | Kind::Right => {}
            Kind::Pipe => {
                self.next_item()?;
            }
            _ => return Err(unexpected(item, "operand")),
        }
        let Some(command) = pipeline.command.take().filter(|one| one.operands > 0) else {
            return Err("empty command".to_owned());
        };
        pipeline.commands += 1;
        if command.is_value && pipeline.commands > 1 {
            pipeline.idle.get_or_insert(pipeline.commands);
        }
        Ok(())
    }
}

fn begins_operand(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Bool
            | Kind::Constant
            | Kind::Complex
            | Kind::Dot
            | Kind::Field
            | Kind::Word
            | Kind::Number
            | Kind::Nil
            | Kind::Raw
            | Kind::Quoted
            | Kind::Variable
            | Kind::Left
    )
}
