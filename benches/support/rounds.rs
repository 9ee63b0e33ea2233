//! Rounds in turn, their median, and how far they lie apart.
#![allow(dead_code)] // each bench has its own

/// One figure of every round.
#[derive(Clone, Default)]
pub struct Rounds(Vec<f64>);

impl Rounds {
    pub fn push(&mut self, figure: f64) {
        self.0.push(figure);
    }

    /// Round by round: what happened to the machine meanwhile happened to both.
    pub fn over(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(mine, theirs)| mine / theirs).collect())
    }

    pub fn median(&self) -> f64 {
        self.quantile(1, 2)
    }

    /// The middle half of the rounds lies within this share of the median.
    pub fn spread(&self) -> f64 {
        (self.quantile(3, 4) - self.quantile(1, 4)) / self.median()
    }

    /// The greatest of them.
    pub fn most(&self) -> f64 {
        self.quantile(1, 1)
    }

    fn quantile(&self, numerator: usize, denominator: usize) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted[(sorted.len() - 1) * numerator / denominator]
    }
}
