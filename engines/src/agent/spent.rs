//! What a run has used, summed over the calls of the model that its agent tells of one by one.

use serde_json::Value;
use takopi_core::event::Usage;

/// The sum so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Spent {
    input: u64,
    output: u64,
    cost: f64,
}

/// What one call used; a value that is no number counts as none.
pub(crate) struct Call<'a> {
    /// Tokens read, in parts that do not overlap.
    pub(crate) input: &'a [&'a Value],
    /// Tokens written, likewise.
    pub(crate) output: &'a [&'a Value],
    /// US dollars.
    pub(crate) cost: &'a Value,
}

impl Spent {
    /// Adds a call.
    pub(crate) fn add(&mut self, call: &Call<'_>) {
        let sum =
            |parts: &[&Value]| parts.iter().filter_map(|part| part.as_u64()).fold(0, u64::saturating_add);
        self.input = self.input.saturating_add(sum(call.input));
        self.output = self.output.saturating_add(sum(call.output));
        self.cost += call.cost.as_f64().filter(|cost| *cost > 0.0).unwrap_or_default();
    }

    /// Returns the sum, if there is one. Agents tell a cost of 0 for what they know no price of: that is none.
    pub(crate) fn usage(&self) -> Option<Usage> {
        (self.input > 0 || self.output > 0).then(|| Usage {
            input_tokens: Some(self.input),
            output_tokens: Some(self.output),
            cost_usd: (self.cost > 0.0).then_some(self.cost),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn calls_are_summed_and_what_is_no_number_counts_as_none() {
        let mut spent = Spent::default();
        assert_eq!(spent.usage(), None);
        let (seven, text, huge, cost) = (json!(7), json!("x"), json!(u64::MAX), json!(0.25));
        spent.add(&Call { input: &[&seven, &text], output: &[&seven, &seven], cost: &json!(null) });
        let usage = Usage { input_tokens: Some(7), output_tokens: Some(14), cost_usd: None };
        assert_eq!(spent.usage(), Some(usage));
        spent.add(&Call { input: &[&huge, &huge], output: &[], cost: &cost });
        let usage = Usage { input_tokens: Some(u64::MAX), output_tokens: Some(14), cost_usd: Some(0.25) };
        assert_eq!(spent.usage(), Some(usage));
    }
}
