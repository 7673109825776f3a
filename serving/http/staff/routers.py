"""Every address of the staff pages, in the order they are tried."""

from serving.http.staff import login

STAFF_ROUTERS = (
    login.router,
    login.inside,
)
