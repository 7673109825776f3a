"""Whom does a treatment help more than others? Uplift learners, judged by a randomised experiment.

`report.uplift_report` does it all, from a table to a verdict; `learners.fit_uplift` gives a model
that scores new rows:

    uplift_report(frame, *, arm, control, treatment, outcome, covariates, unit=None,
                  randomised="", arms_as_drawn=True, folds=5, seed=0, draws=300) -> UpliftResult
    fit_uplift(frame, *, arm, control, treatment, outcome, covariates, unit=None, seed=0)
        -> UpliftModel            # .score(frame) is the expected effect on each row, (n,)

`qini` measures a ranking, `rules` finds the best one-variable rule, `balance` asks whether the arms
look randomised, `covariates` makes numbers of columns.
"""
