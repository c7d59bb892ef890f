impl PathParam for Wait {
    fn parse(text: &str, limits: &Limits) -> Result<Self, Problem> {
        let loc = ["path", "seconds"];
        let seconds = match (Integer::parse(text), Seconds::parse_decimal(text)) {
            (Ok(integer), _) => Seconds::within(&integer, &loc, text, limits.max_wait)?,
            (Err(_), Some(decimal)) => decimal.at_most(&loc, text, limits.max_wait)?,
            (Err(error), None) => {
                let (kind, msg) = (error.kind(), error.to_string());
                return Err(FieldError::new(&loc, kind, msg, text.to_owned()).into());
            }
        };
        Ok(Self(seconds))
    }
}
