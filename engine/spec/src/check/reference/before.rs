//! Who comes before whom. A table of all pairs would be most of the memory that a long file takes, so it
//! is looked up along the needs, and mostly known without a look.

/// The steps that each step waits for, directly or by way of others.
pub(super) struct Before<'a> {
    needs: &'a [Vec<usize>],
    /// Where a step stands in an order in which each comes after its needs.
    place: Vec<usize>,
    /// The first place from which on everything up to the step comes before it.
    solid: Vec<usize>,
}

impl<'a> Before<'a> {
    /// `order` gives the steps so that each comes after its needs.
    pub(super) fn new(needs: &'a [Vec<usize>], order: &[usize]) -> Self {
        let mut place = vec![0; needs.len()];
        let mut solid = vec![0; needs.len()];
        for (at, &step) in order.iter().enumerate() {
            place[step] = at;
            let mut nearest = needs[step].clone();
            nearest.sort_unstable_by_key(|&need| std::cmp::Reverse(place[need]));
            let mut first = at;
            for need in nearest {
                if place[need] + 1 < first {
                    break;
                }
                first = first.min(solid[need]);
            }
            solid[step] = first;
        }
        Self {
            needs,
            place,
            solid,
        }
    }

    /// Whether `step` comes before `reader`.
    pub(super) fn has(&self, reader: usize, step: usize) -> bool {
        let place = self.place[step];
        if place >= self.place[reader] {
            return false;
        }
        let mut seen = std::collections::BTreeSet::new();
        let mut open = vec![reader];
        while let Some(one) = open.pop() {
            if one == step || (self.solid[one] <= place && place < self.place[one]) {
                return true;
            }
            // What stands before the step cannot lead to it.
            let further = self.needs[one]
                .iter()
                .filter(|&&need| self.place[need] >= place);
            open.extend(further.filter(|&&need| seen.insert(need)));
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::Before;

    /// Every pair, by following the needs.
    fn all(needs: &[Vec<usize>], reader: usize, step: usize) -> bool {
        needs[reader]
            .iter()
            .any(|&need| need == step || all(needs, need, step))
    }

    #[test]
    fn it_is_what_following_every_need_gives() {
        // Every graph of five steps in which a step needs earlier ones, in the order of their numbers.
        for graph in 0_u32..1 << 10 {
            let mut bit = 0;
            let needs: Vec<Vec<usize>> = (0..5)
                .map(|step: usize| {
                    (0..step)
                        .filter(|_| {
                            bit += 1;
                            graph >> (bit - 1) & 1 == 1
                        })
                        .collect()
                })
                .collect();
            let order: Vec<usize> = (0..5).collect();
            let before = Before::new(&needs, &order);
            for reader in 0..5 {
                for step in 0..5 {
                    let wanted = all(&needs, reader, step);
                    assert_eq!(
                        before.has(reader, step),
                        wanted,
                        "{needs:?} {reader} {step}"
                    );
                }
            }
        }
    }
}
