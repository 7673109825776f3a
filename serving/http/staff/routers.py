"""Every address of the staff pages, in the order they are tried."""

from serving.http.staff import (
    approvals,
    customer_scores,
    customer_wellbeing,
    customers,
    dashboard,
    decisions,
    experiments,
    feedback_hub,
    figures,
    login,
    months,
    review,
    review_log,
    rights_desk,
)

STAFF_ROUTERS = (
    login.router,
    login.inside,
    approvals.router,
    customers.router,
    customer_scores.router,
    customer_wellbeing.router,
    decisions.router,
    dashboard.router,
    experiments.router,
    feedback_hub.router,
    figures.router,
    review.router,
    review_log.router,
    rights_desk.router,
    months.router,
)
