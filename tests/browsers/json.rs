//! Reads JSON: as much as the files in this directory and the reports of the
//! scripted server need.

/// A JSON value. Objects keep their order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    /// As it is written.
    Number(String),
    Text(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Reads a whole text; panics where it is not JSON.
    pub(crate) fn parse(text: &str) -> Json {
        let mut reader = Reader { rest: text };
        let value = reader.value();
        reader.blanks();
        assert!(reader.rest.is_empty(), "after the JSON: {:.40}", reader.rest);
        value
    }

    /// The value of a key, if there is one.
    pub(crate) fn get(&self, key: &str) -> Option<&Json> {
        let Json::Object(items) = self else {
            panic!("no object, wanted {key}: {self:?}");
        };
        items.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// The text of a key, if there is one.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.get(key).map(Json::as_text)
    }

    pub(crate) fn as_text(&self) -> &str {
        match self {
            Json::Text(text) | Json::Number(text) => text,
            other => panic!("no text: {other:?}"),
        }
    }

    pub(crate) fn items(&self) -> &[Json] {
        match self {
            Json::Array(items) => items,
            other => panic!("no array: {other:?}"),
        }
    }

    pub(crate) fn entries(&self) -> &[(String, Json)] {
        match self {
            Json::Object(entries) => entries,
            other => panic!("no object: {other:?}"),
        }
    }

    /// An array of texts.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.items().iter().map(|line| line.as_text().to_owned()).collect()
    }
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn blanks(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn take(&mut self, token: &str) -> bool {
        self.blanks();
        let after = self.rest.strip_prefix(token);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    fn expect(&mut self, token: &str) {
        assert!(self.take(token), "JSON: wanted {token} at {:.40}", self.rest);
    }

    fn value(&mut self) -> Json {
        self.blanks();
        if self.rest.starts_with('"') {
            return Json::Text(self.text());
        }
        for (token, value) in
            [("null", Json::Null), ("true", Json::Bool(true)), ("false", Json::Bool(false))]
        {
            if self.take(token) {
                return value;
            }
        }
        if self.take("[") {
            return Json::Array(self.list("]", Self::value));
        }
        if self.take("{") {
            return Json::Object(self.list("}", |reader| {
                let key = reader.text();
                reader.expect(":");
                (key, reader.value())
            }));
        }
        let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric() && !"+-.".contains(c));
        let (number, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        assert!(number.parse::<f64>().is_ok(), "JSON: no value at {:.40}", self.rest);
        self.rest = rest;
        Json::Number(number.to_owned())
    }

    fn list<T>(&mut self, end: &str, item: impl Fn(&mut Self) -> T) -> Vec<T> {
        let mut items = Vec::new();
        if self.take(end) {
            return items;
        }
        loop {
            items.push(item(self));
            if self.take(end) {
                return items;
            }
            self.expect(",");
        }
    }

    fn text(&mut self) -> String {
        self.expect("\"");
        let mut units: Vec<u16> = Vec::new();
        let mut chars = self.rest.chars();
        loop {
            let c = chars.next().expect("JSON: the text ends");
            let unit = match c {
                '"' => break,
                '\\' => match chars.next().expect("JSON: the text ends") {
                    'b' => 8,
                    'f' => 12,
                    'n' => 10,
                    'r' => 13,
                    't' => 9,
                    'u' => {
                        let (digits, rest) = chars.as_str().split_at(4);
                        chars = rest.chars();
                        u16::from_str_radix(digits, 16).expect("JSON: four digits")
                    }
                    other => u16::try_from(u32::from(other)).expect("JSON: an escape"),
                },
                other => {
                    units.extend_from_slice(other.encode_utf16(&mut [0; 2]));
                    continue;
                }
            };
            units.push(unit);
        }
        self.rest = chars.as_str();
        // Lone surrogates become U+FFFD, as in every binding.
        String::from_utf16_lossy(&units)
    }
}
