"""Every address of the staff pages, in the order they are tried."""

from serving.http.staff import approvals, dashboard, figures, login, review

STAFF_ROUTERS = (
    login.router,
    login.inside,
    approvals.router,
    dashboard.router,
    figures.router,
    review.router,
)
