//! The part of SQL that is played: `SELECT` of everything, of columns or of `count(*)`, `FROM COSObject`, `WHERE` with
//! comparisons, `AND`, `OR` and `NOT`, `LIMIT`. What else COS has, functions above all, is not implemented; what it has
//! not is the error that it documents.

use crate::error::CosError;

/// A statement.
#[derive(Debug, PartialEq)]
pub(super) struct Select {
    pub(super) items: Items,
    pub(super) condition: Option<Condition>,
    pub(super) limit: Option<u64>,
}

#[derive(Debug, PartialEq)]
pub(super) enum Items {
    All,
    /// With the name it has in JSON.
    Count(String),
    /// The same of each.
    Columns(Vec<(Path, Option<String>)>),
}

/// Names from the record inwards. One in quotes is exact.
pub(super) type Path = Vec<Name>;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Name {
    pub(super) text: String,
    pub(super) exact: bool,
}

impl Name {
    pub(super) fn is(&self, other: &str) -> bool {
        if self.exact { self.text == other } else { self.text.eq_ignore_ascii_case(other) }
    }
}

#[derive(Debug, PartialEq)]
pub(super) enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    Compare(Operand, Comparison, Operand),
}

#[derive(Debug, PartialEq)]
pub(super) enum Operand {
    Column(Path),
    Text(String),
    Number(f64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Like,
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Quoted(String),
    Text(String),
    Number(String),
    Sign(&'static str),
}

fn parsing(message: impl Into<String>) -> CosError {
    CosError::new(400, "SQLParsingError", message.into())
}

fn wrong() -> CosError {
    parsing("Encountered an error parsing the SQL expression")
}

/// Longer ones first.
const SIGNS: [&str; 16] = ["<>", "!=", "<=", ">=", "=", "<", ">", "(", ")", ",", ".", "*", "[", "]", "+", "-"];

fn tokens(mut text: &str) -> Result<Vec<Token>, CosError> {
    let mut tokens = Vec::new();
    loop {
        text = text.trim_start().trim_start_matches(';');
        let Some(first) = text.chars().next() else { return Ok(tokens) };
        if first == '\'' || first == '"' {
            let (inside, rest) = in_quotes(text, first)?;
            tokens.push(if first == '"' { Token::Quoted(inside) } else { Token::Text(inside) });
            text = rest;
        } else if first.is_ascii_digit() {
            let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
            tokens.push(Token::Number(text[..end].to_owned()));
            text = &text[end..];
        } else if first.is_alphabetic() || first == '_' {
            let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
            tokens.push(Token::Word(text[..end].to_owned()));
            text = &text[end..];
        } else {
            let sign = SIGNS.iter().find(|sign| text.starts_with(**sign)).ok_or_else(wrong)?;
            tokens.push(Token::Sign(sign));
            text = &text[sign.len()..];
        }
    }
}

/// A quote within is written twice.
fn in_quotes(text: &str, quote: char) -> Result<(String, &str), CosError> {
    let mut inside = String::new();
    let mut rest = &text[1..];
    loop {
        let end = rest.find(quote).ok_or_else(wrong)?;
        inside.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix(quote) {
            Some(more) => {
                inside.push(quote);
                rest = more;
            }
            None => return Ok((inside, rest)),
        }
    }
}

/// How many conditions may be one in another, and names in a path (inferred).
const DEEPEST: usize = 64;

/// Words that cannot be a name unless they stand in quotes.
const RESERVED: [&str; 12] =
    ["select", "from", "where", "limit", "as", "and", "or", "not", "like", "group", "order", "union"];

impl Select {
    pub(super) fn parse(text: &str) -> Result<Self, CosError> {
        let tokens = tokens(text)?;
        let Some(from) = tokens.iter().position(|token| is_word(token, "from")) else {
            return Err(parsing("FROM is missing in the SQL expression"));
        };
        // What the columns are of is said after them.
        let mut parser = Parser { tokens: &tokens, at: from + 1, alias: None, depth: 0 };
        let table = parser.name().ok_or_else(wrong)?;
        if !table.is("COSObject") {
            return Err(wrong());
        }
        if parser.sign("[") || parser.sign(".") {
            return Err(CosError::not_implemented("a path in the FROM of a SELECT"));
        }
        let said = parser.word("as");
        parser.alias = parser.name();
        if said && parser.alias.is_none() {
            return Err(wrong());
        }
        let after = parser.at;
        parser.at = 0;
        if !parser.word("select") {
            return Err(wrong());
        }
        let items = parser.items(from)?;
        parser.at = after;
        let condition = if parser.word("where") { Some(parser.any_of()?) } else { None };
        let limit = if parser.word("limit") { Some(parser.limit()?) } else { None };
        match parser.tokens.get(parser.at) {
            None => Ok(Self { items, condition, limit }),
            Some(Token::Word(word)) if ["GROUP", "ORDER", "UNION"].contains(&word.to_ascii_uppercase().as_str()) => {
                Err(parsing(format!("{} is not supported in the SQL expression", word.to_ascii_uppercase())))
            }
            Some(_) => Err(wrong()),
        }
    }
}

fn is_word(token: &Token, word: &str) -> bool {
    matches!(token, Token::Word(found) if found.eq_ignore_ascii_case(word))
}

struct Parser<'t> {
    tokens: &'t [Token],
    at: usize,
    alias: Option<Name>,
    /// Of the condition that is read.
    depth: usize,
}

impl Parser<'_> {
    fn take(&mut self, fits: impl Fn(&Token) -> bool) -> bool {
        let found = self.tokens.get(self.at).is_some_and(fits);
        self.at += usize::from(found);
        found
    }

    fn word(&mut self, word: &str) -> bool {
        self.take(|token| is_word(token, word))
    }

    fn sign(&mut self, sign: &str) -> bool {
        self.take(|token| matches!(token, Token::Sign(found) if *found == sign))
    }

    fn name(&mut self) -> Option<Name> {
        let name = match self.tokens.get(self.at)? {
            Token::Word(word) if RESERVED.iter().any(|reserved| word.eq_ignore_ascii_case(reserved)) => return None,
            Token::Word(word) => Name { text: word.clone(), exact: false },
            Token::Quoted(text) => Name { text: text.clone(), exact: true },
            _ => return None,
        };
        self.at += 1;
        Some(name)
    }

    fn items(&mut self, end: usize) -> Result<Items, CosError> {
        if self.at == end {
            return Err(parsing("The SQL expression contains an empty SELECT"));
        }
        if self.sign("*") {
            let message = "Other expressions are not allowed in the SELECT list when '*' is used without dot notation.";
            return if self.at == end { Ok(Items::All) } else { Err(parsing(message)) };
        }
        let mut columns = Vec::new();
        loop {
            if self.word("count") && self.sign("(") {
                let whole = self.sign("*") && self.sign(")");
                let name = self.column_name()?;
                if !whole || self.at != end || !columns.is_empty() {
                    return Err(CosError::not_implemented("such a count in a SELECT"));
                }
                return Ok(Items::Count(name.unwrap_or_else(|| "_1".to_owned())));
            }
            let path = self.path()?;
            if path.is_empty() {
                return if self.at == end && columns.is_empty() { Ok(Items::All) } else { Err(wrong()) };
            }
            columns.push((path, self.column_name()?));
            if self.at == end {
                return Ok(Items::Columns(columns));
            }
            if !self.sign(",") {
                return Err(wrong());
            }
        }
    }

    fn column_name(&mut self) -> Result<Option<String>, CosError> {
        let said = self.word("as");
        match self.name() {
            None if said => Err(wrong()),
            name => Ok(name.map(|name| name.text)),
        }
    }

    /// A column, without what it is of; nothing if it is everything (`s.*`).
    fn path(&mut self) -> Result<Path, CosError> {
        let first = match self.tokens.get(self.at) {
            Some(Token::Text(_) | Token::Number(_) | Token::Sign("(" | "+" | "-")) => {
                return Err(CosError::not_implemented("a value in the list of a SELECT"));
            }
            _ => self.name().ok_or_else(wrong)?,
        };
        if self.sign("(") {
            return Err(CosError::not_implemented(&format!("the function {} of SELECT", first.text)));
        }
        let mut path = vec![first];
        while self.sign(".") {
            if self.sign("*") {
                let of_all = self.alias.as_ref().is_some_and(|alias| path.len() == 1 && path[0].is(&alias.text));
                return if of_all { Ok(Path::new()) } else { Err(wrong()) };
            }
            path.push(self.name().ok_or_else(wrong)?);
        }
        if path.len() > DEEPEST {
            return Err(wrong());
        }
        if self.sign("[") {
            return Err(CosError::not_implemented("an element of a list in a SELECT"));
        }
        let table = Name { text: "COSObject".to_owned(), exact: false };
        let of = self.alias.as_ref().unwrap_or(&table);
        if path.len() > 1 && path[0].is(&of.text) {
            path.remove(0);
        }
        Ok(path)
    }

    fn any_of(&mut self) -> Result<Condition, CosError> {
        let mut any = vec![self.all_of()?];
        while self.word("or") {
            any.push(self.all_of()?);
        }
        Ok(if any.len() == 1 { any.remove(0) } else { Condition::Any(any) })
    }

    fn all_of(&mut self) -> Result<Condition, CosError> {
        let mut all = vec![self.one()?];
        while self.word("and") {
            all.push(self.one()?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Condition::All(all) })
    }

    fn one(&mut self) -> Result<Condition, CosError> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(wrong());
        }
        let one = self.one_of_these();
        self.depth -= 1;
        one
    }

    fn one_of_these(&mut self) -> Result<Condition, CosError> {
        if self.word("not") {
            return Ok(Condition::Not(Box::new(self.one()?)));
        }
        if self.sign("(") {
            let inside = self.any_of()?;
            return if self.sign(")") { Ok(inside) } else { Err(wrong()) };
        }
        let left = self.operand()?;
        let comparison = self.comparison()?;
        Ok(Condition::Compare(left, comparison, self.operand()?))
    }

    fn comparison(&mut self) -> Result<Comparison, CosError> {
        let found = match self.tokens.get(self.at) {
            Some(Token::Sign("=")) => Comparison::Equal,
            Some(Token::Sign("<>" | "!=")) => Comparison::NotEqual,
            Some(Token::Sign("<")) => Comparison::Less,
            Some(Token::Sign("<=")) => Comparison::LessOrEqual,
            Some(Token::Sign(">")) => Comparison::Greater,
            Some(Token::Sign(">=")) => Comparison::GreaterOrEqual,
            Some(token) if is_word(token, "like") => Comparison::Like,
            Some(token) if ["between", "in", "is", "not"].iter().any(|word| is_word(token, word)) => {
                return Err(CosError::not_implemented("such a comparison in a SELECT"));
            }
            Some(Token::Sign("+" | "-" | "*")) => return Err(CosError::not_implemented("arithmetic in a SELECT")),
            _ => return Err(wrong()),
        };
        self.at += 1;
        Ok(found)
    }

    fn operand(&mut self) -> Result<Operand, CosError> {
        let minus = self.sign("-");
        let found = match self.tokens.get(self.at) {
            Some(Token::Number(digits)) => {
                let number: f64 = digits.parse().map_err(|_| wrong())?;
                Operand::Number(if minus { -number } else { number })
            }
            _ if minus => return Err(CosError::not_implemented("arithmetic in a SELECT")),
            Some(Token::Text(text)) => Operand::Text(text.clone()),
            _ => {
                let path = self.path()?;
                return if path.is_empty() { Err(wrong()) } else { Ok(Operand::Column(path)) };
            }
        };
        self.at += 1;
        Ok(found)
    }

    fn limit(&mut self) -> Result<u64, CosError> {
        let Some(Token::Number(digits)) = self.tokens.get(self.at) else { return Err(wrong()) };
        self.at += 1;
        digits.parse().map_err(|_| wrong())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> String {
        Select::parse(text).map_or_else(|error| error.code.into_owned(), |_| "fine".to_owned())
    }

    #[test]
    fn statements_are_read() {
        let name = |text: &str| Name { text: text.to_owned(), exact: false };
        let all = Select { items: Items::All, condition: None, limit: None };
        for text in ["select * from cosobject", "SELECT s.* FROM COSObject AS s;", "Select * from COSObject s"] {
            assert_eq!(Select::parse(text).unwrap(), all, "{text}");
        }
        let read = Select::parse(
            "SELECT s._1, s.\"a b\" AS x, COSObject FROM COSObject s \
             WHERE s._3 > -1.5 AND (not _2 = 'it''s' OR s.a.b like '%x') LIMIT 7",
        );
        let compare = |path, comparison, right| Condition::Compare(Operand::Column(path), comparison, right);
        let quoted = Name { text: "a b".to_owned(), exact: true };
        let expected = Select {
            items: Items::Columns(vec![
                (vec![name("_1")], None),
                (vec![quoted], Some("x".to_owned())),
                (vec![name("COSObject")], None),
            ]),
            condition: Some(Condition::All(vec![
                compare(vec![name("_3")], Comparison::Greater, Operand::Number(-1.5)),
                Condition::Any(vec![
                    Condition::Not(Box::new(compare(
                        vec![name("_2")],
                        Comparison::Equal,
                        Operand::Text("it's".to_owned()),
                    ))),
                    compare(vec![name("a"), name("b")], Comparison::Like, Operand::Text("%x".to_owned())),
                ]),
            ])),
            limit: Some(7),
        };
        assert_eq!(read.unwrap(), expected);
        let count = Select::parse("SELECT COUNT(*) AS n FROM COSObject").unwrap();
        assert_eq!(count.items, Items::Count("n".to_owned()));
    }

    #[test]
    fn what_is_none_is_said_to_be_none() {
        for text in [
            "",
            "SELECT *",
            "SELECT FROM COSObject",
            "SELECT *, a FROM COSObject",
            "SELECT * FROM S3Object",
            "SELECT * FROM COSObject s WHERE",
            "SELECT * FROM COSObject WHERE a =",
            "SELECT * FROM COSObject WHERE (a = 1",
            "SELECT * FROM COSObject LIMIT x",
            "SELECT a, FROM COSObject",
            "SELECT a b c FROM COSObject",
            "SELECT 'a FROM COSObject",
            "SELECT * FROM COSObject GROUP BY a",
            "SELECT * FROM COSObject ORDER BY a",
            "DELETE * FROM COSObject",
            "SELECT ? FROM COSObject",
            &format!("SELECT * FROM COSObject WHERE {}a = 1", "(".repeat(100_000)),
            &format!("SELECT * FROM COSObject WHERE {}a = 1", "NOT ".repeat(60_000)),
            &format!("SELECT a{} FROM COSObject", ".a".repeat(100_000)),
        ] {
            assert_eq!(code(text), "SQLParsingError", "{text}");
        }
        for text in [
            "SELECT max(a) FROM COSObject",
            "SELECT count(a) FROM COSObject",
            "SELECT CAST(a AS INT) FROM COSObject",
            "SELECT a[1] FROM COSObject",
            "SELECT 1 FROM COSObject",
            "SELECT * FROM COSObject WHERE a BETWEEN 1 AND 2",
            "SELECT * FROM COSObject WHERE a + 1 = 2",
            "SELECT * FROM COSObject[*].a",
        ] {
            assert_eq!(code(text), "NotImplemented", "{text}");
        }
    }
}
