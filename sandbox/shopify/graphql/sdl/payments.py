"""The account of Shopify's own payments."""

from __future__ import annotations

PAYMENTS = """
type ShopifyPaymentsAccount implements Node {
  id: ID!
  activated: Boolean!
  country: String!
  defaultCurrency: CurrencyCode!
  balanceTransactions(
    @page, hideTransfers: Boolean = false, query: String, savedSearchId: ID,
    sortKey: BalanceTransactionSortKeys = PROCESSED_AT
  ): ShopifyPaymentsBalanceTransactionConnection!
}
type ShopifyPaymentsBalanceTransaction implements Node {
  id: ID!
  type: ShopifyPaymentsTransactionType!
  amount: MoneyV2!
  fee: MoneyV2!
  net: MoneyV2!
  transactionDate: DateTime!
  test: Boolean!
  sourceType: ShopifyPaymentsSourceType
  sourceId: BigInt
  sourceOrderTransactionId: BigInt
  adjustmentReason: String
  associatedOrder: ShopifyPaymentsAssociatedOrder
  associatedPayout: ShopifyPaymentsBalanceTransactionAssociatedPayout!
}
connection ShopifyPaymentsBalanceTransaction
type ShopifyPaymentsAssociatedOrder { id: ID! name: String! }
type ShopifyPaymentsBalanceTransactionAssociatedPayout {
  id: ID
  status: ShopifyPaymentsBalanceTransactionPayoutStatus
}
enum ShopifyPaymentsBalanceTransactionPayoutStatus { FAILED PAID PENDING SCHEDULED }
enum ShopifyPaymentsSourceType { ADJUSTMENT CHARGE DISPUTE REFUND SYSTEM_ADJUSTMENT TRANSFER }
enum ShopifyPaymentsTransactionType {
  CHARGE REFUND DISPUTE_WITHDRAWAL DISPUTE_REVERSAL CHARGEBACK_FEE CHARGEBACK_FEE_REFUND
  RESERVED_FUNDS RESERVED_FUNDS_REVERSAL TRANSFER TRANSFER_FAILURE
}
enum BalanceTransactionSortKeys { ID PROCESSED_AT }
scalar BigInt
"""
