"""The customer management service of the practice world's Microsoft Advertising: who am I, and what do I reach.

https://learn.microsoft.com/advertising/customer-management-service/
"""

from datetime import UTC
from typing import Any

from starlette.routing import Route

from sandbox.microsoft_advertising_data import Account
from sandbox.microsoft_advertising_entrance import Body, Call, Entrance, a_long
from sandbox.microsoft_advertising_faults import ApiFault

LARGEST_PAGE = 1_000


class CustomerService:
    """`page_rows`: a page never holds more accounts than that, whatever size is asked for."""

    def __init__(self, entrance: Entrance) -> None:
        self._entrance = entrance
        self.page_rows = LARGEST_PAGE

    def routes(self) -> list[Route]:
        at, of = "/clientcenter/CustomerManagement/v13", self._entrance
        return [
            of.route(f"{at}/User/Query", "user", self._user, "UserId", account=False),
            of.route(
                f"{at}/Accounts/Search",
                "accounts",
                self._search,
                "Predicates Ordering PageInfo ReturnAdditionalFields",
                account=False,
            ),
            of.route(
                f"{at}/Account/Query", "account", self._account, "AccountId ReturnAdditionalFields", account=False
            ),
        ]

    def _user(self, call: Call) -> Body:
        """No id, or null: the person who asks."""
        if call.body.get("UserId") is not None and a_long(call.body["UserId"]) != call.user:
            raise ApiFault(106)
        first, _, last = call.person.name.partition(" ")
        customers = sorted({account.customer for account in self._reached(call)})
        return {
            "User": {
                "ContactInfo": {"Address": None, "Email": call.person.email, "Id": f"9{call.user}", "Phone1": None},
                "CustomerId": customers[0] if customers else None,
                "Id": call.user,
                "JobTitle": None,
                "LastModifiedByUserId": call.user,
                "LastModifiedTime": "2026-03-01T10:00:00.123",
                "Lcid": "EnglishUS",
                "Name": {"FirstName": first, "LastName": last, "MiddleInitial": None},
                "Password": None,
                "SecretAnswer": None,
                "SecretQuestion": "None",
                "UserLifeCycleStatus": "Active",
                "TimeStamp": "AAAAAFk2Zd8=",
                "UserName": call.person.email,
                "ForwardCompatibilityMap": [],
                "AuthenticationToken": None,
            },
            "CustomerRoles": [
                {
                    "RoleId": 41,
                    "CustomerId": customer,
                    "AccountIds": None,
                    "LinkedAccountIds": None,
                    "CustomerLinkPermission": None,
                }
                for customer in customers
            ],
        }

    def _search(self, call: Call) -> Body:
        """https://learn.microsoft.com/advertising/customer-management-service/predicate#searchaccounts"""
        match call.body.get("Predicates"):
            case [{"Field": "UserId", "Operator": "Equals", "Value": value}]:
                if a_long(value) != call.user:
                    raise ApiFault(106)
            case _:
                raise ApiFault(100)
        match call.body.get("PageInfo"):
            case {"Index": int(index), "Size": int(size)} if index >= 0 and 0 <= size <= LARGEST_PAGE:
                rows = min(size, self.page_rows)
            case _:
                raise ApiFault(100)
        found = self._reached(call)[index * rows : (index + 1) * rows]
        return {"Accounts": [self._row(account) for account in found]}

    def _account(self, call: Call) -> Body:
        account = self._entrance.reached(call.person, a_long(call.body.get("AccountId")))
        if account is None:
            raise ApiFault(106)
        return {"Account": self._row(account)}

    def _reached(self, call: Call) -> list[Account]:
        found = [self._entrance.reached(call.person, number) for number in call.person.accounts]
        return [account for account in found if account]

    def _row(self, account: Account) -> dict[str, Any]:
        changed = self._entrance.book.now().astimezone(UTC)
        return {
            "BillToCustomerId": account.customer,
            "CurrencyCode": account.currency,
            "AccountFinancialStatus": "ClearFinancialStatus",
            "Id": account.id,
            "Language": "English",
            "LastModifiedByUserId": "0",
            "LastModifiedTime": f"{changed:%Y-%m-%dT%H:%M:%S}.000",
            "Name": account.name,
            "Number": account.number,
            "ParentCustomerId": account.customer,
            "PaymentMethodId": None,
            "PaymentMethodType": None,
            "PrimaryUserId": None,
            "AccountLifeCycleStatus": account.status,
            "TimeStamp": "AAAAAE1K7Cs=",
            "TimeZone": account.time_zone,
            "PauseReason": None,
            "ForwardCompatibilityMap": None,
            "LinkedAgencies": None,
            "SalesHouseCustomerId": None,
            "TaxInformation": [],
            "BackUpPaymentInstrumentId": None,
            "BillingThresholdAmount": None,
            "BusinessAddress": None,
            "AutoTagType": "Inactive",
            "SoldToPaymentInstrumentId": None,
            "AccountMode": "Expert",
        }
